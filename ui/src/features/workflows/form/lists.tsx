/** Steps that are lists: messages in their order, cases, branches. */
import { ActionIcon, Card, Group, NumberInput, Stack, Text } from "@mantine/core";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { percent } from "~/ui/format";
import { Add, Remove } from "./buttons";
import { Condition } from "./Condition";
import { entry, type Form, listOf, text } from "./context";
import { SenderPick, TemplatePick } from "./inputs/picks";
import type { Json } from "./schema";

export function Channels({ form }: { form: Form }) {
  const { t } = useTranslation();
  const channels = listOf(form, "channels");
  const put = (next: Json[]) => form.set({ channels: next });
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {t("workflows.form.channelsHint")}
      </Text>
      {channels.map((_, place) => (
        <Card key={place} withBorder p="sm">
          <Group justify="space-between" mb={4}>
            <Text size="sm" fw={600}>
              {place + 1}.
            </Text>
            <Group gap={2}>
              <ActionIcon
                variant="subtle"
                color="gray"
                disabled={place === 0 || form.disabled}
                aria-label={t("workflows.form.earlier")}
                onClick={() => put(swapped(channels, place, place - 1))}
              >
                <IconArrowUp size={16} aria-hidden />
              </ActionIcon>
              <ActionIcon
                variant="subtle"
                color="gray"
                disabled={place === channels.length - 1 || form.disabled}
                aria-label={t("workflows.form.later")}
                onClick={() => put(swapped(channels, place, place + 1))}
              >
                <IconArrowDown size={16} aria-hidden />
              </ActionIcon>
              <Remove form={form} onRemove={() => put(channels.filter((__, other) => other !== place))} />
            </Group>
          </Group>
          <Stack gap="xs">
            <TemplatePick form={entry(form, "channels", place)} member="template_id" required />
            <SenderPick form={entry(form, "channels", place)} member="sender_id" />
          </Stack>
        </Card>
      ))}
      {form.error("channels") && (
        <Text size="xs" c="red">
          {form.error("channels")}
        </Text>
      )}
      {channels.length < 5 && !form.disabled && (
        <Add label={t("workflows.form.addChannel")} onAdd={() => put([...channels, {}])} />
      )}
    </Stack>
  );
}

function swapped(list: Json[], one: number, other: number): Json[] {
  const next = [...list];
  [next[one], next[other]] = [next[other] as Json, next[one] as Json];
  return next;
}

export function Cases({ form }: { form: Form }) {
  const { t } = useTranslation();
  const cases = listOf(form, "cases");
  const next = text(form.value.next) || "end";
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {t("workflows.form.casesHint")}
      </Text>
      {cases.map((_, place) => (
        <Card key={place} withBorder p="sm">
          <Group justify="space-between" mb={4}>
            <Text size="sm" fw={600}>
              {t("workflows.ways.case", { number: place + 1 })}
            </Text>
            {cases.length > 1 && (
              <Remove
                form={form}
                onRemove={() => form.set({ cases: cases.filter((__, other) => other !== place) })}
              />
            )}
          </Group>
          <Condition form={entry(form, "cases", place)} />
        </Card>
      ))}
      {cases.length < 20 && !form.disabled && (
        <Add
          label={t("workflows.form.addCase")}
          onAdd={() => form.set({ cases: [...cases, { condition: { all: [] }, next }] })}
        />
      )}
    </Stack>
  );
}

export function Branches({ form }: { form: Form }) {
  const { t } = useTranslation();
  const branches = listOf(form, "branches");
  const all = branches.reduce((sum, one) => sum + (Number(one.weight) || 0), 0);
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {t("workflows.form.branchesHint")}
      </Text>
      {branches.map((branch, place) => (
        <Group key={place} wrap="nowrap" align="flex-end" gap="xs">
          <NumberInput
            label={t("workflows.form.weight", { name: String.fromCharCode(65 + (place % 26)) })}
            min={1}
            max={1000}
            allowDecimal={false}
            value={Number(branch.weight ?? 1)}
            onChange={(next) => entry(form, "branches", place).set({ weight: Number(next) || 1 })}
            error={form.error(`branches.${place}.weight`)}
            disabled={form.disabled}
            style={{ flex: 1 }}
          />
          <Text size="sm" w={56} pb={8} ta="end">
            {all > 0 ? percent((Number(branch.weight) || 0) / all, 0) : ""}
          </Text>
          {branches.length > 2 && (
            <Remove
              form={form}
              onRemove={() => form.set({ branches: branches.filter((_, other) => other !== place) })}
            />
          )}
        </Group>
      ))}
      {branches.length < 20 && !form.disabled && (
        <Add
          label={t("workflows.form.addBranch")}
          onAdd={() =>
            form.set({ branches: [...branches, { weight: 50, next: branches[0]?.next ?? "end" }] })
          }
        />
      )}
    </Stack>
  );
}
