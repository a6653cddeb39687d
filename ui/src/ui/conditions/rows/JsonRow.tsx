import { Textarea } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { isTree, type Tree } from "../tree";

/** A part as its JSON: for what has no row of its own. What is typed stays, also while it is no JSON. */
export function JsonRow({ tree, onChange }: { tree: Tree; onChange: (tree: Tree) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(() => JSON.stringify(tree, undefined, 2));
  useEffect(() => {
    // Changed from elsewhere, not by what was typed here.
    setText((typed) =>
      JSON.stringify(parsed(typed)) === JSON.stringify(tree) ? typed : JSON.stringify(tree, undefined, 2),
    );
  }, [tree]);
  return (
    <Textarea
      aria-label={t("conditions.json")}
      autosize
      minRows={2}
      maxRows={14}
      spellCheck={false}
      w="100%"
      ff="monospace"
      value={text}
      error={parsed(text) ? undefined : t("conditions.noJson")}
      onChange={(event) => {
        const typed = event.currentTarget.value;
        setText(typed);
        const next = parsed(typed);
        if (next) onChange(next);
      }}
    />
  );
}

function parsed(text: string): Tree | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isTree(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
