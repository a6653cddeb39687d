import { SegmentedControl, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Form } from "../context";
import { DateField } from "../inputs/picks";
import { Days, TimeOfDay, Weekdays } from "../inputs/times";
import { tomorrow } from "./tomorrow";

type UntilMode = "weekdays" | "date" | "field";

export function WaitUntil({ form }: { form: Form }) {
  const { t } = useTranslation();
  const mode: UntilMode = form.value.date ? "date" : form.value.field !== undefined ? "field" : "weekdays";
  const become = (next: UntilMode) => {
    const cleared = {
      date: undefined,
      field: undefined,
      days: undefined,
      yearly: undefined,
      weekdays: undefined,
      at: undefined,
      missing: undefined,
    };
    if (next === "date") form.set({ ...cleared, date: tomorrow() });
    else if (next === "field") form.set({ ...cleared, field: "", at: "09:00" });
    else form.set({ ...cleared, weekdays: ["mon"], at: "09:00" });
  };
  return (
    <Stack gap="sm">
      <SegmentedControl
        data={(["weekdays", "date", "field"] as const).map((value) => ({
          value,
          label: t(`workflows.form.until.${value}`),
        }))}
        value={mode}
        onChange={(next) => become(next as UntilMode)}
        disabled={form.disabled}
      />
      {mode === "date" && (
        <TextInput
          type="datetime-local"
          label={t("workflows.form.moment")}
          description={t("workflows.form.yourZone", {
            zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
          })}
          value={localMoment(form.value.date)}
          error={form.error("date")}
          disabled={form.disabled}
          onChange={(event) => {
            const at = new Date(event.currentTarget.value);
            if (!Number.isNaN(at.getTime())) form.set({ date: at.toISOString() });
          }}
        />
      )}
      {mode === "field" && (
        <>
          <DateField form={form} member="field" label={t("workflows.form.dateField")} />
          <Days form={form} />
          <TimeOfDay form={form} member="at" />
          <Switch
            label={t("workflows.form.fields.yearly")}
            checked={form.value.yearly === true}
            disabled={form.disabled}
            onChange={(event) => form.set({ yearly: event.currentTarget.checked || undefined })}
          />
        </>
      )}
      {mode === "weekdays" && (
        <>
          <Weekdays form={form} member="weekdays" />
          <TimeOfDay form={form} member="at" />
        </>
      )}
      <Text size="xs" c="dimmed">
        {mode === "date" ? t("workflows.form.overHint") : t("workflows.form.contactZone")}
      </Text>
    </Stack>
  );
}

function localMoment(value: unknown): string {
  const at = new Date(String(value));
  if (Number.isNaN(at.getTime())) return "";
  const two = (part: number) => String(part).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
