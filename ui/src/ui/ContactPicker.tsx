import { Loader, Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { contactQuery, foundQuery } from "~/api/contacts";
import { nameOf } from "./contactName";

/** A contact, found on the server by the beginning of an address or a name. */
export function ContactPicker({
  label,
  value,
  onChange,
  clearable = false,
  w,
  maw,
}: {
  label: string;
  value: number | undefined;
  onChange: (id: number | undefined) => void;
  /** One may choose nobody again. */
  clearable?: boolean;
  w?: number;
  maw?: number;
}) {
  const { t } = useTranslation();
  const [words, setWords] = useState("");
  const [settled] = useDebouncedValue(words.trim(), 250);
  const found = useQuery(foundQuery(settled));
  const { data: chosen } = useQuery({ ...contactQuery(value ?? 0), enabled: value !== undefined });
  const options = new Map((found.data ?? []).map((one) => [String(one.contact_id), nameOf(one)]));
  if (chosen) options.set(String(chosen.contact_id), nameOf(chosen));
  return (
    <Select
      label={label}
      placeholder={t("common.findContact")}
      w={w}
      maw={maw}
      searchable
      clearable={clearable}
      allowDeselect={clearable}
      nothingFoundMessage={t("common.noContact")}
      // The server has found them; words may be of an address that is not shown.
      filter={({ options }) => options}
      value={value === undefined ? null : String(value)}
      data={[...options].map(([id, label]) => ({ value: id, label }))}
      rightSection={found.isFetching ? <Loader size={14} /> : undefined}
      onSearchChange={setWords}
      onChange={(id) => onChange(id === null ? undefined : Number(id))}
    />
  );
}
