import { html } from "@codemirror/lang-html";
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { Box, useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import { looks } from "./looks";

export default function Compared({
  before,
  after,
  label,
  height = "360px",
}: {
  before: string;
  after: string;
  label: string;
  height?: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = useComputedColorScheme("light") === "dark";
  useEffect(() => {
    if (!place.current) return;
    const view = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: after,
        extensions: [
          lineNumbers(),
          html(),
          EditorView.lineWrapping,
          EditorView.editable.of(false),
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          EditorState.readOnly.of(true),
          looks(isDark, height),
          unifiedMergeView({
            original: before,
            mergeControls: false,
            gutter: true,
            collapseUnchanged: { margin: 2, minSize: 6 },
          }),
        ],
      }),
    });
    return () => view.destroy();
  }, [before, after, label, height, isDark]);
  return (
    <Box
      ref={place}
      style={{ border: "1px solid var(--syncom-line)", borderRadius: 8, overflow: "hidden" }}
    />
  );
}
