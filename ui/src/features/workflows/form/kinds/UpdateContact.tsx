import { Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { MEMBERS } from "~/api/contacts";
import { fieldsQuery } from "~/api/fields";
import { Add, Remove } from "../buttons";
import { type Form, text } from "../context";
import { scalar } from "../inputs/scalar";
import type { Json } from "../schema";

/** Standard fields are in `set`, own ones in `fields`. */
export function UpdateContact({ form }: { form: Form }) {
  const { t } = useTranslation();
  const own = useQuery(fieldsQuery).data ?? [];
  const rows = [
    ...Object.entries((form.value.set ?? {}) as Json).map(([key, value]) => ({ part: "set", key, value })),
    ...Object.entries((form.value.fields ?? {}) as Json).map(([key, value]) => ({
      part: "fields",
      key,
      value,
    })),
  ];
  const put = (next: { part: string; key: string; value: unknown }[]) => {
    const of = (part: string) =>
      Object.fromEntries(next.filter((one) => one.part === part).map((one) => [one.key, one.value]));
    const fields = of("fields");
    form.set({ set: of("set"), fields: Object.keys(fields).length > 0 ? fields : undefined });
  };
  const options = [
    ...MEMBERS.map((name) => ({
      value: `set:${name}`,
      label: t(`workflows.form.contactFields.${name}` as "workflows.form.contactFields.city"),
    })),
    ...own.map((one) => ({ value: `fields:${one.key}`, label: one.name })),
  ];
  const taken = new Set(rows.map((row) => `${row.part}:${row.key}`));
  return (
    <Stack gap="xs">
      {rows.map((row, place) => {
        const kind = row.part === "fields" ? own.find((one) => one.key === row.key)?.type : undefined;
        return (
          <Group key={`${row.part}:${row.key}`} gap={6} wrap="nowrap" align="flex-start">
            <Select
              aria-label={t("workflows.form.contactField")}
              data={options.filter((one) => one.value === `${row.part}:${row.key}` || !taken.has(one.value))}
              value={`${row.part}:${row.key}`}
              onChange={(next) => {
                if (!next) return;
                const [part = "set", key = ""] = next.split(/:(.*)/s);
                put(rows.map((one, other) => (other === place ? { ...one, part, key } : one)));
              }}
              searchable
              allowDeselect={false}
              disabled={form.disabled}
              style={{ flex: 1 }}
            />
            <TextInput
              aria-label={t("workflows.form.value")}
              placeholder={t("workflows.form.emptyClears")}
              value={Array.isArray(row.value) ? row.value.join(", ") : text(row.value)}
              error={form.error(`${row.part}.${row.key}`)}
              onChange={(event) => {
                const typed = event.currentTarget.value;
                const value =
                  kind === "number" || kind === "boolean"
                    ? scalar(typed)
                    : kind === "multichoice"
                      ? typed.split(",").map((one) => one.trim())
                      : typed;
                put(rows.map((one, other) => (other === place ? { ...one, value } : one)));
              }}
              disabled={form.disabled}
              style={{ flex: 1 }}
            />
            <Remove form={form} onRemove={() => put(rows.filter((_, other) => other !== place))} />
          </Group>
        );
      })}
      {(form.error("set") ?? form.error("fields") ?? form.error("")) && (
        <Text size="xs" c="red">
          {form.error("set") ?? form.error("fields") ?? form.error("")}
        </Text>
      )}
      {!form.disabled && (
        <Add
          label={t("workflows.form.addField")}
          onAdd={() => {
            const free = options.find((one) => !taken.has(one.value));
            const [part = "set", key = ""] = (free?.value ?? "set:city").split(/:(.*)/s);
            put([...rows, { part, key, value: "" }]);
          }}
        />
      )}
    </Stack>
  );
}
