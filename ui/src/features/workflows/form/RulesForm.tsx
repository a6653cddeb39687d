/** What holds for the whole journey: who comes in, who leaves, how much is sent, who is only watched. */
import { Card, Group, NumberInput, Select, Slider, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { percent } from "~/ui/format";
import { Add, Remove } from "./buttons";
import { entry, type Form, inner, listOf, merged, text } from "./context";
import { TimeOfDay } from "./inputs/times";
import { Happening } from "./kinds/Happening";
import type { Json } from "./schema";

export function RulesForm({ form }: { form: Form }) {
  const { t } = useTranslation();
  const again = (form.value.entry ?? {}) as Json;
  const entering: Form = {
    ...inner(form, "entry"),
    set: (members) => {
      const next = merged(again, members);
      form.set({ entry: Object.keys(next).length > 0 ? next : undefined });
    },
  };
  const cap = form.value.cap as Json | undefined;
  const quiet = form.value.quiet_hours as Json | undefined;
  const exits = listOf(form, "exits");
  return (
    <Stack gap="lg">
      <Stack gap="sm">
        <Select
          label={t("workflows.form.again")}
          data={(["always", "never", "after"] as const).map((one) => ({
            value: one,
            label: t(`workflows.form.agains.${one}`),
          }))}
          value={text(again.again) || "always"}
          onChange={(next) =>
            entering.set({
              again: next === "always" ? undefined : (next ?? undefined),
              days: next === "after" ? 30 : undefined,
            })
          }
          allowDeselect={false}
          disabled={form.disabled}
        />
        {again.again === "after" && (
          <NumberInput
            label={t("workflows.form.againDays")}
            min={1}
            max={3660}
            value={Number(again.days ?? 30)}
            onChange={(next) => entering.set({ days: Number(next) || 1 })}
            error={form.error("entry.days")}
            disabled={form.disabled}
          />
        )}
        <Switch
          label={t("workflows.form.oneActive")}
          checked={again.one_active === true}
          onChange={(event) => entering.set({ one_active: event.currentTarget.checked || undefined })}
          disabled={form.disabled}
        />
        <TextInput
          label={t("workflows.form.key")}
          description={t("workflows.form.keyHint")}
          value={text(again.key)}
          onChange={(event) => entering.set({ key: event.currentTarget.value || undefined })}
          error={form.error("entry.key")}
          disabled={form.disabled}
        />
      </Stack>
      <Stack gap="sm">
        <Text fw={600} size="sm">
          {t("workflows.form.exits")}
        </Text>
        <Text size="xs" c="dimmed">
          {t("workflows.form.exitsHint")}
        </Text>
        {exits.map((_, place) => (
          <Card key={place} withBorder p="sm">
            <Group justify="flex-end">
              <Remove
                form={form}
                onRemove={() => {
                  const left = exits.filter((__, other) => other !== place);
                  form.set({ exits: left.length > 0 ? left : undefined });
                }}
              />
            </Group>
            <Happening form={entry(form, "exits", place)} />
            {form.error(`exits.${place}`) && (
              <Text size="xs" c="red">
                {form.error(`exits.${place}`)}
              </Text>
            )}
          </Card>
        ))}
        {!form.disabled && (
          <Add
            label={t("workflows.form.addExit")}
            onAdd={() => form.set({ exits: [...exits, { event_type: "" }] })}
          />
        )}
      </Stack>
      <Stack gap="sm">
        <Switch
          label={t("workflows.form.cap")}
          description={t("workflows.form.capHint")}
          checked={Boolean(cap)}
          onChange={(event) =>
            form.set({ cap: event.currentTarget.checked ? { messages: 3, days: 7 } : undefined })
          }
          disabled={form.disabled}
        />
        {cap && (
          <Group grow>
            <NumberInput
              label={t("workflows.form.capMessages")}
              min={1}
              max={1000}
              value={Number(cap.messages ?? 1)}
              onChange={(next) => form.set({ cap: { ...cap, messages: Number(next) || 1 } })}
              error={form.error("cap.messages")}
              disabled={form.disabled}
            />
            <NumberInput
              label={t("workflows.form.capDays")}
              min={1}
              max={90}
              value={Number(cap.days ?? 7)}
              onChange={(next) => form.set({ cap: { ...cap, days: Number(next) || 1 } })}
              error={form.error("cap.days")}
              disabled={form.disabled}
            />
          </Group>
        )}
        <Switch
          label={t("workflows.form.quiet")}
          description={t("workflows.form.quietHint")}
          checked={Boolean(quiet)}
          onChange={(event) =>
            form.set({
              quiet_hours: event.currentTarget.checked ? { begin: "21:00", end: "09:00" } : undefined,
            })
          }
          disabled={form.disabled}
        />
        {quiet && (
          <Group grow>
            <TimeOfDay form={inner(form, "quiet_hours")} member="begin" usual="21:00" />
            <TimeOfDay form={inner(form, "quiet_hours")} member="end" />
          </Group>
        )}
      </Stack>
      <Stack gap="sm">
        <Text size="sm" fw={600} id="holdout">
          {t("workflows.form.holdout", { share: percent(Number(form.value.holdout ?? 0) / 100, 0) })}
        </Text>
        <Slider
          thumbProps={{ "aria-labelledby": "holdout" }}
          min={0}
          max={90}
          step={1}
          label={null}
          value={Number(form.value.holdout ?? 0)}
          onChange={(next) => form.set({ holdout: next || undefined })}
          disabled={form.disabled}
        />
        <Text size="xs" c="dimmed">
          {t("workflows.form.holdoutHint")}
        </Text>
        <NumberInput
          label={t("workflows.form.conversionDays")}
          min={1}
          max={90}
          value={Number(form.value.conversion_days ?? 7)}
          onChange={(next) => form.set({ conversion_days: Number(next) || undefined })}
          error={form.error("conversion_days")}
          disabled={form.disabled}
        />
      </Stack>
    </Stack>
  );
}
