import { Group, Textarea, TextInput } from "@mantine/core";
import { useRef } from "react";
import { MergeFields } from "./MergeFields";

/** A line or some lines of text into which merge fields can be put. */
export function TagInput({
  label,
  description,
  value,
  onChange,
  dialect,
  rows,
  error,
  id,
  maxLength,
  required,
  placeholder,
}: {
  label: string;
  description?: string;
  value: string;
  onChange: (value: string) => void;
  dialect: string;
  /** More than one line. */
  rows?: number;
  error?: string;
  id?: string;
  maxLength?: number;
  required?: boolean;
  placeholder?: string;
}) {
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const insert = (tag: string) => {
    const input = field.current;
    const from = input?.selectionStart ?? value.length;
    const to = input?.selectionEnd ?? value.length;
    onChange(value.slice(0, from) + tag + value.slice(to));
    requestAnimationFrame(() => {
      input?.focus();
      input?.setSelectionRange(from + tag.length, from + tag.length);
    });
  };
  const picker = <MergeFields dialect={dialect} onPick={insert} />;
  const shared = {
    id,
    ref: field,
    label,
    description,
    value,
    error,
    required,
    placeholder,
    maxLength,
    dir: "auto" as const,
  };
  if (rows === undefined)
    return (
      <TextInput
        {...shared}
        onChange={(event) => onChange(event.currentTarget.value)}
        rightSection={picker}
        flex={1}
      />
    );
  return (
    <Group gap={0} align="stretch" wrap="nowrap" style={{ position: "relative" }}>
      <Textarea
        {...shared}
        onChange={(event) => onChange(event.currentTarget.value)}
        autosize
        minRows={rows}
        maxRows={rows * 3}
        flex={1}
        rightSection={picker}
        rightSectionProps={{ style: { alignItems: "flex-start", paddingTop: 4 } }}
      />
    </Group>
  );
}
