import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { contactQuery, foundQuery } from "~/api/contacts";
import { nameOf } from "~/ui/conditions/AnswerPanel";

/** A contact, found on the server by the beginning of an address or a name. */
export function PersonPicker({
  value,
  onChange,
}: {
  value: number | undefined;
  onChange: (id: number) => void;
}) {
  const { t } = useTranslation();
  const [words, setWords] = useState("");
  const [settled] = useDebouncedValue(words, 250);
  const { data: found = [] } = useQuery(foundQuery(settled));
  const { data: chosen } = useQuery({ ...contactQuery(value ?? 0), enabled: value !== undefined });
  const options = new Map(found.map((one) => [String(one.contact_id), nameOf(one)]));
  if (chosen) options.set(String(chosen.contact_id), nameOf(chosen));
  return (
    <Select
      label={t("segments.why.whom")}
      placeholder={t("segments.why.find")}
      maw={420}
      searchable
      allowDeselect={false}
      nothingFoundMessage={t("conditions.nothing")}
      // The server has found them; words may be of an address that is not shown.
      filter={({ options }) => options}
      value={value === undefined ? null : String(value)}
      data={[...options].map(([id, label]) => ({ value: id, label }))}
      onSearchChange={setWords}
      onChange={(id) => id !== null && onChange(Number(id))}
    />
  );
}
