import { Tooltip } from "@mantine/core";
import { ago, dateTime, exact } from "./format";

/** A moment in the viewer's zone; its exact form on hover and for assistive technology. */
export function Time({ at, relative = false }: { at: string; relative?: boolean }) {
  return (
    <Tooltip label={exact(at)}>
      <time dateTime={at}>{relative ? ago(at) : dateTime(at)}</time>
    </Tooltip>
  );
}
