import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { html } from "@codemirror/lang-html";
import { bracketMatching, foldGutter, foldKeymap } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import {
  Decoration,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
  MatchDecorator,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import { Box, useComputedColorScheme } from "@mantine/core";
import { useEffect, useImperativeHandle, useRef } from "react";
import type { CodeProps } from "../CodeEditor";
import { looks } from "./looks";

const merge = new MatchDecorator({
  regexp: /\{\{[^{}\n]*\}\}|\{%[^\n]*?%\}|%[A-Z][A-Z0-9_.]+(?:\|[^%<>\n]*)?%/g,
  decoration: Decoration.mark({ class: "cm-tag-merge" }),
});
const mergeTags = ViewPlugin.fromClass(
  class {
    decorations;
    constructor(view: EditorView) {
      this.decorations = merge.createDeco(view);
    }
    update(update: ViewUpdate) {
      this.decorations = merge.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

/** Stored byte for byte: whatever ends a line stays as it was. */
function separator(text: string): string {
  const windows = (text.match(/\r\n/g) ?? []).length;
  return windows > 0 && windows === (text.match(/\n/g) ?? []).length ? "\r\n" : "\n";
}

export default function Written({ value, onChange, label, kind, height = "560px", pen }: CodeProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const style = useRef(new Compartment());
  const told = useRef(onChange);
  told.current = onChange;
  const isDark = useComputedColorScheme("light") === "dark";

  // biome-ignore lint/correctness/useExhaustiveDependencies: made once; what changes later is dispatched below
  useEffect(() => {
    if (!place.current) return;
    const made = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          EditorState.lineSeparator.of(separator(value)),
          lineNumbers(),
          highlightActiveLineGutter(),
          highlightActiveLine(),
          history(),
          foldGutter(),
          bracketMatching(),
          closeBrackets(),
          highlightSelectionMatches(),
          mergeTags,
          ...(kind === "html" ? [html({ autoCloseTags: true })] : []),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({
            "aria-label": label,
            tabindex: "0",
            spellcheck: String(kind === "text"),
          }),
          // Tab leaves the editor, as it leaves every field (WCAG 2.1.2).
          keymap.of([
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...foldKeymap,
          ]),
          style.current.of(looks(isDark, height)),
          EditorState.readOnly.of(onChange === undefined),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) told.current?.(update.state.sliceDoc());
          }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: style.current.reconfigure(looks(isDark, height)) });
  }, [isDark, height]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.sliceDoc() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useImperativeHandle(pen, () => ({
    insert: (text) => {
      const editor = view.current;
      if (!editor) return;
      editor.dispatch(editor.state.replaceSelection(text));
      editor.focus();
    },
    show: (wanted) => {
      const editor = view.current;
      if (!editor) return false;
      let from: number;
      let to: number;
      if ("line" in wanted) {
        if (wanted.line < 1 || wanted.line > editor.state.doc.lines) return false;
        const line = editor.state.doc.line(wanted.line);
        from = line.from;
        to = line.to;
      } else {
        from = editor.state.doc.toString().indexOf(wanted.text);
        if (from < 0 || wanted.text === "") return false;
        to = from + wanted.text.length;
      }
      editor.dispatch({
        selection: { anchor: from, head: to },
        effects: EditorView.scrollIntoView(from, { y: "center" }),
      });
      editor.focus();
      return true;
    },
  }));

  return (
    <Box
      ref={place}
      style={{ border: "1px solid var(--syncom-line)", borderRadius: 8, overflow: "hidden" }}
    />
  );
}
