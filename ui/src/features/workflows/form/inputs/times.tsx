/** Moments, spans and hours. */
import { Chip, Group, Input, NumberInput, Select, Stack, Switch, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { weekdayName, weekdays } from "../../parts/sentences";
import { type Form, inner, text } from "../context";
import { type Props, useLabel } from "./props";

export function Days({ form, member = "days" }: { form: Form; member?: string }) {
  const { t } = useTranslation();
  return (
    <NumberInput
      label={t("workflows.form.offset")}
      description={t("workflows.form.offsetHint")}
      min={-366}
      max={366}
      allowDecimal={false}
      value={Number(form.value[member] ?? 0)}
      onChange={(next) => form.set({ [member]: Number(next) || undefined })}
      error={form.error(member)}
      disabled={form.disabled}
    />
  );
}

export function TimeOfDay({ form, member, label, usual = "09:00" }: Props & { usual?: string }) {
  return (
    <TextInput
      type="time"
      label={useLabel(member, label)}
      value={(text(form.value[member]) || usual).slice(0, 5)}
      onChange={(event) => form.set({ [member]: event.currentTarget.value || undefined })}
      error={form.error(member)}
      disabled={form.disabled}
    />
  );
}

/** Days, hours and minutes. */
export function Span({ form, label }: { form: Form; label: string }) {
  const { t } = useTranslation();
  const error = form.error("days") ?? form.error("hours") ?? form.error("minutes") ?? form.error("seconds");
  const units = (["days", "hours", "minutes", "seconds"] as const).filter(
    (unit) => unit !== "seconds" || Number(form.value.seconds ?? 0) > 0,
  );
  return (
    <Input.Wrapper label={label} error={error} labelElement="div">
      <Group gap="xs" grow preventGrowOverflow={false} wrap="nowrap">
        {units.map((unit) => (
          <NumberInput
            key={unit}
            aria-label={t(`workflows.form.units.${unit}`)}
            suffix={` ${t(`workflows.form.short.${unit}`)}`}
            min={0}
            allowDecimal={false}
            value={Number(form.value[unit] ?? 0)}
            onChange={(next) => form.set({ [unit]: Number(next) || undefined })}
            disabled={form.disabled}
          />
        ))}
      </Group>
    </Input.Wrapper>
  );
}

export function Weekdays({ form, member, label }: Props) {
  const value = Array.isArray(form.value[member]) ? (form.value[member] as string[]) : [];
  return (
    <Input.Wrapper label={useLabel(member, label)} error={form.error(member)} labelElement="div">
      <Chip.Group
        multiple
        value={value}
        onChange={(next) =>
          form.set({ [member]: next.length > 0 ? weekdays.filter((day) => next.includes(day)) : undefined })
        }
      >
        <Group gap={4} mt={4}>
          {weekdays.map((day) => (
            <Chip key={day} value={day} size="xs" disabled={form.disabled}>
              {weekdayName(day)}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
    </Input.Wrapper>
  );
}

/** Good times of the contact's day. */
export function Within({ form }: { form: Form }) {
  const { t } = useTranslation();
  const on = form.value.within !== undefined && form.value.within !== null;
  const window = inner(form, "within");
  return (
    <Stack gap="xs">
      <Switch
        label={t("workflows.form.within")}
        description={t("workflows.form.withinHint")}
        checked={on}
        disabled={form.disabled}
        onChange={(event) =>
          form.set({ within: event.currentTarget.checked ? { begin: "09:00", end: "20:00" } : undefined })
        }
      />
      {on && (
        <>
          <Group grow>
            <TimeOfDay form={window} member="begin" usual="00:00" />
            <TimeOfDay form={window} member="end" usual="00:00" />
          </Group>
          <Weekdays form={window} member="weekdays" label={t("workflows.form.onlyDays")} />
        </>
      )}
    </Stack>
  );
}

export function TimeZone({ form, member }: Props) {
  const { t } = useTranslation();
  return (
    <Select
      label={useLabel(member)}
      placeholder="UTC"
      data={Intl.supportedValuesOf("timeZone")}
      value={text(form.value[member]) || null}
      onChange={(next) => form.set({ [member]: next ?? undefined })}
      error={form.error(member)}
      description={t("workflows.form.zoneHint")}
      disabled={form.disabled}
      searchable
      clearable
      limit={50}
    />
  );
}
