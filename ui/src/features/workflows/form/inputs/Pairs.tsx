import { Fieldset, Group, Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Add, Remove } from "../buttons";
import { text } from "../context";
import type { Json } from "../schema";
import { type Props, useLabel } from "./props";

/** Names and values, such as headers or parameters. */
export function Pairs({ form, member, label, hint }: Props & { hint?: string }) {
  const { t } = useTranslation();
  const pairs = Object.entries((form.value[member] ?? {}) as Json);
  const name = useLabel(member, label);
  const put = (next: [string, unknown][]) =>
    form.set({ [member]: next.length > 0 ? Object.fromEntries(next) : undefined });
  return (
    <Fieldset legend={name} p="xs">
      <Stack gap="xs">
        {hint && (
          <Text size="xs" c="dimmed">
            {hint}
          </Text>
        )}
        {pairs.map(([key, value], place) => (
          <Group key={place} gap={4} wrap="nowrap" align="flex-start">
            <TextInput
              aria-label={t("workflows.form.param")}
              value={key}
              onChange={(event) => {
                const typed = event.currentTarget.value;
                put(pairs.map((one, other) => (other === place ? [typed, one[1]] : one)));
              }}
              disabled={form.disabled}
              style={{ flex: 1 }}
            />
            <TextInput
              aria-label={t("workflows.form.value")}
              value={typeof value === "object" ? JSON.stringify(value) : text(value)}
              error={form.error(`${member}.${key}`)}
              onChange={(event) => {
                const typed = event.currentTarget.value;
                put(pairs.map((one, other) => (other === place ? [one[0], typed] : one)));
              }}
              disabled={form.disabled}
              style={{ flex: 1.4 }}
            />
            <Remove form={form} onRemove={() => put(pairs.filter((_, other) => other !== place))} />
          </Group>
        ))}
        {!form.disabled && (
          <Add
            label={t("common.add")}
            onAdd={() =>
              put([...pairs, [pairs.some(([key]) => key === "") ? `name${pairs.length + 1}` : "", ""]])
            }
          />
        )}
      </Stack>
    </Fieldset>
  );
}
