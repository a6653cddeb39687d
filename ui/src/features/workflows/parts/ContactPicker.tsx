import { Loader, Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useContactName } from "./ContactName";

/** Finds a contact by the beginning of its address. */
export function ContactPicker({
  label,
  value,
  onChange,
  w,
}: {
  label: string;
  value: number | undefined;
  onChange: (id: number | undefined) => void;
  w?: number | string;
}) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const [asked] = useDebouncedValue(typed.trim().toLowerCase(), 250);
  const found = useQuery({
    queryKey: ["contact", "prefix", asked],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/contacts", {
            params: { query: asked === "" ? { limit: 10 } : { email_prefix: asked, limit: 10 } },
          }),
        )
      ).items,
  });
  const options = (found.data ?? []).map((one) => ({
    value: String(one.contact_id),
    label: one.email || one.phone || `#${one.contact_id}`,
  }));
  return (
    <Select
      w={w}
      label={label}
      placeholder={t("workflows.contactPlaceholder")}
      searchable
      clearable
      data={options}
      filter={({ options: all }) => all}
      value={value === undefined ? null : String(value)}
      onChange={(next) => onChange(next === null ? undefined : Number(next))}
      onSearchChange={setTyped}
      nothingFoundMessage={t("workflows.noContact")}
      rightSection={found.isFetching ? <Loader size={14} /> : undefined}
      comboboxProps={{ withinPortal: true }}
    />
  );
}

/** Who is chosen, in words. */
export function ChosenContact({ id }: { id: number }) {
  return <span dir="auto">{useContactName(id)}</span>;
}
