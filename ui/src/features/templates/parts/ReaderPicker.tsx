import { ActionIcon, Group, Select, Tooltip } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";

const SAMPLE = "sample";

/** As whom a message is looked at: a sample contact, or one chosen; one may step through them. */
export function ReaderPicker({
  contact,
  onChange,
}: {
  contact: number | undefined;
  onChange: (contact: number | undefined) => void;
}) {
  const { t } = useTranslation();
  const may = useMay("read_contacts");
  const [words, setWords] = useState("");
  const [picked, setPicked] = useState<{ value: string; label: string }>();
  const [settled] = useDebouncedValue(words.trim(), 200);
  const label = picked?.label ?? t("editor.sampleContact");
  const asked = label === settled ? "" : settled;
  const people = useQuery({
    queryKey: ["contact", "reader", asked],
    queryFn: ({ signal }) =>
      ask(
        api.POST("/syncom/v1/contacts/table", {
          params: { query: { limit: 25 } },
          body: { search: asked, fields: [] },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    enabled: may,
  });
  if (!may) return null;
  const sample = { value: SAMPLE, label: t("editor.sampleContact") };
  const found = (people.data?.items ?? []).map((one) => ({
    value: String(one.contact_id),
    label: nameOf(one) ?? t("editor.contactNumber", { id: one.contact_id }),
  }));
  const mine = contact === undefined ? sample : { value: String(contact), label: picked?.label ?? "" };
  const options = [sample, ...found];
  if (contact !== undefined && !options.some((one) => one.value === mine.value))
    options.push({
      value: mine.value,
      label: mine.label || t("editor.contactNumber", { id: contact }),
    });
  const place = options.findIndex((one) => one.value === mine.value);
  const choose = (option: { value: string; label: string } | undefined) => {
    if (!option) return;
    setPicked(option);
    onChange(option.value === SAMPLE ? undefined : Number(option.value));
  };
  return (
    <Group gap={4} wrap="nowrap">
      <Tooltip label={t("editor.previousContact")}>
        <ActionIcon
          variant="default"
          aria-label={t("editor.previousContact")}
          disabled={place <= 0}
          onClick={() => choose(options[place - 1])}
        >
          <IconChevronLeft size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
      <Select
        size="xs"
        w={220}
        aria-label={t("editor.asContact")}
        data={options}
        value={mine.value}
        onChange={(value) => choose(options.find((one) => one.value === value))}
        searchable
        searchValue={words}
        onSearchChange={setWords}
        filter={({ options: all }) => all}
        allowDeselect={false}
        nothingFoundMessage={t("editor.noContact")}
        maxDropdownHeight={280}
      />
      <Tooltip label={t("editor.nextContact")}>
        <ActionIcon
          variant="default"
          aria-label={t("editor.nextContact")}
          disabled={place >= options.length - 1}
          onClick={() => choose(options[place + 1])}
        >
          <IconChevronRight size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </Group>
  );
}

function nameOf(one: {
  email?: string | null;
  phone?: string | null;
  first_name?: string | null;
  last_name?: string | null;
}): string | undefined {
  const name = [one.first_name, one.last_name].filter(Boolean).join(" ");
  const address = one.email ?? one.phone ?? "";
  return name && address ? `${name} · ${address}` : name || address || undefined;
}
