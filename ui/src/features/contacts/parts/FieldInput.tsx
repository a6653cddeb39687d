/** An input that fits the type of a field. */
import { MultiSelect, NumberInput, Select, Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { FieldType } from "~/api/schema";

/** As typed: what it becomes is decided by {@link sentValue}. */
export type FieldValue = string | number | string[];

type Props = {
  type: FieldType;
  choices: readonly string[];
  label: string;
  description?: string;
  value?: FieldValue;
  error?: React.ReactNode;
  onChange?: (value: FieldValue) => void;
};

export function FieldInput({ type, choices, value = "", onChange = () => {}, ...rest }: Props) {
  const { t } = useTranslation();
  switch (type) {
    case "number":
      return <NumberInput {...rest} value={value as string | number} onChange={onChange} />;
    case "boolean":
      return (
        <Select
          {...rest}
          clearable
          data={[
            { value: "true", label: t("common.yes") },
            { value: "false", label: t("common.no") },
          ]}
          value={value === "" ? null : String(value)}
          onChange={(chosen) => onChange(chosen ?? "")}
        />
      );
    case "choice":
      return (
        <Select
          {...rest}
          clearable
          searchable
          data={[...choices]}
          value={value === "" ? null : String(value)}
          onChange={(chosen) => onChange(chosen ?? "")}
        />
      );
    case "multichoice":
      return (
        <MultiSelect
          {...rest}
          clearable
          searchable
          data={[...choices]}
          value={Array.isArray(value) ? value : []}
          onChange={onChange}
        />
      );
    case "json":
      return (
        <Textarea
          {...rest}
          autosize
          maxRows={12}
          value={String(value)}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    default:
      return (
        <TextInput
          {...rest}
          dir="auto"
          type={type === "date" ? "date" : type === "datetime" ? "datetime-local" : "text"}
          value={String(value)}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}

/** What the server keeps, as it is typed. */
export function typedValue(type: FieldType, kept: unknown): FieldValue {
  if (kept === null || kept === undefined) return type === "multichoice" ? [] : "";
  if (type === "multichoice") return Array.isArray(kept) ? kept.map(String) : [String(kept)];
  if (type === "json") return JSON.stringify(kept, null, 2);
  if (type === "datetime") return localTime(String(kept));
  if (type === "number") return typeof kept === "number" ? kept : String(kept);
  return String(kept);
}

/** What was typed, as the server takes it; null clears. */
export function sentValue(type: FieldType, typed: FieldValue): unknown {
  if (typed === "" || (Array.isArray(typed) && typed.length === 0)) return null;
  switch (type) {
    case "boolean":
      return typed === "true";
    case "datetime":
      return new Date(String(typed)).toISOString();
    case "json":
      try {
        return JSON.parse(String(typed));
      } catch {
        // The server says that it is no JSON object.
        return typed;
      }
    default:
      return typed;
  }
}

/** A moment as `datetime-local` shows it, in the viewer's zone. */
function localTime(moment: string): string {
  const time = new Date(moment);
  if (Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
