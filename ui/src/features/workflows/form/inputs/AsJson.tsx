import { Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Props, useLabel } from "./props";

/** Anything, as JSON. What is typed and is no JSON yet stays in the field and changes nothing. */
export function AsJson({ form, member, label, hint }: Props & { hint?: string }) {
  const { t } = useTranslation();
  const value = form.value[member];
  const [typed, setTyped] = useState<string>();
  const shown = typed ?? (value === undefined || value === null ? "" : JSON.stringify(value, null, 2));
  const wrong = typed !== undefined && typed.trim() !== "" && !isJson(typed);
  return (
    <Textarea
      label={useLabel(member, label)}
      description={hint}
      autosize
      minRows={3}
      maxRows={14}
      ff="monospace"
      value={shown}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setTyped(next);
        if (next.trim() === "") form.set({ [member]: undefined });
        else if (isJson(next)) form.set({ [member]: JSON.parse(next) });
      }}
      onBlur={() => !wrong && setTyped(undefined)}
      error={wrong ? t("workflows.form.noJson") : form.error(member)}
      disabled={form.disabled}
    />
  );
}

function isJson(typed: string): boolean {
  try {
    JSON.parse(typed);
    return true;
  } catch {
    return false;
  }
}
