/** Source as its author writes it. CodeMirror is fetched when it is shown first. */
import { Skeleton } from "@mantine/core";
import { lazy, type Ref, Suspense } from "react";

/** What others may do to an editor. */
export type Pen = {
  /** Put text where the cursor is. */
  insert: (text: string) => void;
  /** Show and mark a line (from 1), or the first place of a text. Whether it was found. */
  show: (place: { line: number } | { text: string }) => boolean;
};

export type CodeProps = {
  value: string;
  onChange?: (value: string) => void;
  label: string;
  kind: "html" | "text";
  height?: string;
  pen?: Ref<Pen>;
};

const Written = lazy(() => import("./code/Written"));

export function CodeEditor(props: CodeProps) {
  return (
    <Suspense fallback={<Skeleton height={props.height ?? 480} radius="md" />}>
      <Written {...props} />
    </Suspense>
  );
}

const Compared = lazy(() => import("./code/Compared"));

/** Two texts with what differs marked. */
export function Comparison(props: { before: string; after: string; label: string; height?: string }) {
  return (
    <Suspense fallback={<Skeleton height={props.height ?? 360} radius="md" />}>
      <Compared {...props} />
    </Suspense>
  );
}
