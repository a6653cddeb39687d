import { Anchor } from "@mantine/core";
import type { ReactNode } from "react";
import { confirm, type Question } from "~/ui/confirm";

/** An act in a row that is asked about first. */
export function AskedLink({ children, ...question }: Question & { children: ReactNode }) {
  return (
    <Anchor component="button" size="sm" onClick={() => confirm(question)}>
      {children}
    </Anchor>
  );
}
