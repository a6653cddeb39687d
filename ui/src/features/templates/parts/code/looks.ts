/** How code looks: in the application's colours, and allowed by its policy. */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

/** CodeMirror writes style elements; they carry the nonce of this answer. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";

const light = HighlightStyle.define([
  { tag: tags.tagName, color: "#3730a3" },
  { tag: tags.angleBracket, color: "#586174" },
  { tag: tags.attributeName, color: "#8a3a00" },
  { tag: [tags.attributeValue, tags.string], color: "#0b6b4f" },
  { tag: tags.comment, color: "#586174", fontStyle: "italic" },
  { tag: [tags.propertyName, tags.keyword], color: "#8a3a00" },
  { tag: [tags.number, tags.unit, tags.color], color: "#0b6b4f" },
]);
const dark = HighlightStyle.define([
  { tag: tags.tagName, color: "#a5b4fc" },
  { tag: tags.angleBracket, color: "#a6aebd" },
  { tag: tags.attributeName, color: "#ffc078" },
  { tag: [tags.attributeValue, tags.string], color: "#8ce0bd" },
  { tag: tags.comment, color: "#a6aebd", fontStyle: "italic" },
  { tag: [tags.propertyName, tags.keyword], color: "#ffc078" },
  { tag: [tags.number, tags.unit, tags.color], color: "#8ce0bd" },
]);

export function looks(isDark: boolean, height: string): Extension {
  return [
    EditorView.cspNonce.of(nonce),
    EditorView.theme(
      {
        "&": {
          height,
          fontSize: "13px",
          color: "var(--mantine-color-text)",
          backgroundColor: "var(--mantine-color-body)",
        },
        ".cm-scroller": { fontFamily: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" },
        ".cm-content": { caretColor: "var(--mantine-color-text)" },
        ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
        ".cm-gutters": {
          backgroundColor: "var(--syncom-ground)",
          color: "var(--mantine-color-dimmed)",
          borderRight: "1px solid var(--syncom-line)",
        },
        ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: isDark ? "#ffffff0d" : "#4f46e50d" },
        "&.cm-focused": { outline: "2px solid var(--mantine-primary-color-filled)", outlineOffset: "-1px" },
        ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": {
          backgroundColor: isDark ? "#3730a3 !important" : "#c7d2fe !important",
        },
        ".cm-panels": {
          backgroundColor: "var(--syncom-ground)",
          color: "var(--mantine-color-text)",
        },
        ".cm-tag-merge": {
          backgroundColor: isDark ? "#312e81" : "#e0e7ff",
          color: isDark ? "#e0e7ff" : "#312e81",
          borderRadius: "3px",
        },
      },
      { dark: isDark },
    ),
    syntaxHighlighting(isDark ? dark : light),
  ];
}
