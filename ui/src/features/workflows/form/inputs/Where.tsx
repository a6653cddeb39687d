import { Autocomplete, Fieldset, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { eventTypesQuery } from "~/api/eventTypes";
import { Add, Remove } from "../buttons";
import { type Form, text } from "../context";
import type { Json } from "../schema";
import { scalar } from "./scalar";

const COMPARISONS = ["is", "not", "gt", "gte", "lt", "lte", "contains", "in", "exists"] as const;

/** What parameters of an event must be: rows of name, comparison, value. */
export function Where({ form, member = "where" }: { form: Form; member?: string }) {
  const { t } = useTranslation();
  const { data } = useQuery(eventTypesQuery);
  const type = data?.find((one) => one.key === form.value.event_type);
  const names = [
    ...new Set([...(type?.parameters ?? []).map((one) => one.name), ...Object.keys(type?.declared ?? {})]),
  ];
  const where = (form.value[member] ?? {}) as Json;
  const rows = Object.entries(where).map(([name, asked]) => {
    const parts = typeof asked === "object" && asked !== null ? Object.entries(asked) : [["is", asked]];
    return { name, op: String(parts[0]?.[0] ?? "is"), value: parts[0]?.[1], more: parts.length > 1 };
  });
  const put = (place: number, change: { name?: string; op?: string; value?: unknown } | null) => {
    const next: Json = {};
    rows.forEach((row, at) => {
      if (at === place && change === null) return;
      const now = at === place ? { ...row, ...change } : row;
      const asked = where[row.name];
      if (row.more && at !== place) next[now.name] = asked;
      else next[now.name] = now.op === "is" ? now.value : { [now.op]: fitting(now.op, now.value) };
    });
    form.set({ [member]: Object.keys(next).length > 0 ? next : undefined });
  };
  return (
    <Fieldset legend={t("workflows.form.where")} p="xs">
      <Stack gap="xs">
        {rows.map((row, place) => (
          <Group key={place} gap={4} wrap="nowrap" align="flex-start">
            <Autocomplete
              aria-label={t("workflows.form.param")}
              placeholder={t("workflows.form.param")}
              data={names}
              value={row.name}
              onChange={(name) => put(place, { name })}
              error={form.error(`${member}.${row.name}`)}
              disabled={form.disabled}
              style={{ flex: 1.2 }}
            />
            <Select
              aria-label={t("workflows.form.comparison")}
              data={COMPARISONS.map((op) => ({ value: op, label: t(`workflows.form.compare.${op}`) }))}
              value={row.op}
              onChange={(op) => op && put(place, { op })}
              disabled={form.disabled}
              allowDeselect={false}
              style={{ flex: 1 }}
            />
            {row.op !== "exists" && (
              <TextInput
                aria-label={t("workflows.form.value")}
                value={Array.isArray(row.value) ? row.value.join(", ") : text(row.value)}
                onChange={(event) => put(place, { value: scalar(event.currentTarget.value) })}
                disabled={form.disabled}
                style={{ flex: 1 }}
              />
            )}
            <Remove form={form} onRemove={() => put(place, null)} />
          </Group>
        ))}
        {!form.disabled && (
          <Add
            label={t("workflows.form.addParam")}
            onAdd={() =>
              form.set({ [member]: { ...where, [names.find((name) => !(name in where)) ?? ""]: "" } })
            }
          />
        )}
        {rows.length === 0 && (
          <Text size="xs" c="dimmed">
            {t("workflows.form.anyParam")}
          </Text>
        )}
      </Stack>
    </Fieldset>
  );
}

function fitting(op: string, value: unknown): unknown {
  if (op === "exists") return true;
  if (op === "in" && !Array.isArray(value))
    return String(value ?? "")
      .split(",")
      .map((one) => scalar(one.trim()));
  return Array.isArray(value) ? value.join(", ") : value;
}
