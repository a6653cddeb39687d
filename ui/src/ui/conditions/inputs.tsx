/** Small inputs that stand in a sentence. */
import { NativeSelect, NumberInput, Select, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import classes from "./conditions.module.css";

export type Option = { value: string; label: string };

/** One of a few words. A value that is none of them is shown as it is. */
export function Choice({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: readonly Option[];
  onChange: (value: string) => void;
}) {
  const known = options.some((option) => option.value === value);
  return (
    <NativeSelect
      size="xs"
      aria-label={label}
      className={classes.choice}
      value={value}
      data={known ? [...options] : [{ value, label: value }, ...options]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** One of many, found by typing. */
export function Picker({
  label,
  value,
  options,
  onChange,
  clearable = false,
}: {
  label: string;
  value: string | null;
  options: readonly (Option | { group: string; items: Option[] })[];
  onChange: (value: string | null) => void;
  clearable?: boolean;
}) {
  const { t } = useTranslation();
  const flat = options.flatMap((option) => ("items" in option ? option.items : [option]));
  const unknown = value !== null && value !== "" && !flat.some((option) => option.value === value);
  return (
    <Select
      size="xs"
      aria-label={label}
      placeholder={t("conditions.choose")}
      className={classes.picker}
      searchable
      limit={200}
      clearable={clearable}
      clearButtonProps={{ "aria-label": t("conditions.clear") }}
      allowDeselect={false}
      nothingFoundMessage={t("conditions.nothing")}
      value={value === "" ? null : value}
      data={unknown ? [{ value, label: value }, ...options] : [...options]}
      onChange={onChange}
      comboboxProps={{ width: "max-content", position: "bottom-start" }}
      maxDropdownHeight={280}
    />
  );
}

export function Words({
  label,
  value,
  onChange,
  wide = false,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  wide?: boolean;
}) {
  return (
    <TextInput
      size="xs"
      dir="auto"
      aria-label={label}
      className={wide ? classes.wide : classes.text}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

export function Amount({
  label,
  value,
  onChange,
  min,
  max,
  whole = false,
}: {
  label: string;
  value: unknown;
  onChange: (value: number | undefined) => void;
  min?: number;
  max?: number;
  whole?: boolean;
}) {
  return (
    <NumberInput
      size="xs"
      aria-label={label}
      className={classes.number}
      value={typeof value === "number" ? value : ""}
      onChange={(next) => onChange(typeof next === "number" ? next : undefined)}
      min={min}
      max={max}
      allowDecimal={!whole}
      hideControls
    />
  );
}

/** Several words: chosen from those that are known, or typed. */
export function Several({
  label,
  value,
  options = [],
  onChange,
}: {
  label: string;
  value: readonly string[];
  options?: readonly string[];
  onChange: (value: string[]) => void;
}) {
  const { t } = useTranslation();
  return (
    <TagsInput
      size="xs"
      dir="auto"
      aria-label={label}
      placeholder={value.length === 0 ? t("conditions.typeAndEnter") : undefined}
      className={classes.wide}
      value={[...value]}
      data={[...options]}
      onChange={onChange}
      acceptValueOnBlur
    />
  );
}

/** A day, as `2026-09-14`. */
export function Day({ label, value, onChange }: DateProps) {
  return (
    <TextInput
      size="xs"
      type="date"
      aria-label={label}
      className={classes.text}
      value={typeof value === "string" ? value.slice(0, 10) : ""}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  );
}

type DateProps = { label: string; value: unknown; onChange: (value: string | undefined) => void };

/** A moment in the viewer's zone; kept as `2026-09-14T08:30:00Z`. */
export function Moment({ label, value, onChange }: DateProps) {
  const [typed, setTyped] = useState<string>();
  const kept = typeof value === "string" ? localOf(value) : "";
  return (
    <TextInput
      size="xs"
      type="datetime-local"
      aria-label={label}
      className={classes.moment}
      value={typed ?? kept}
      onChange={(event) => {
        const text = event.currentTarget.value;
        const moment = new Date(text);
        setTyped(text);
        if (text === "") onChange(undefined);
        else if (!Number.isNaN(moment.getTime())) onChange(moment.toISOString().replace(".000Z", "Z"));
      }}
      onBlur={() => setTyped(undefined)}
    />
  );
}

export function localOf(value: string): string {
  const moment = new Date(value);
  if (Number.isNaN(moment.getTime())) return "";
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
