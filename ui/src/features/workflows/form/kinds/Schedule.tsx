import { NumberInput, Select, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { schemaQuery } from "../../queries";
import { type Form, text } from "../context";
import { SegmentPick } from "../inputs/picks";
import { TimeOfDay, TimeZone } from "../inputs/times";
import { Member } from "../Member";
import { partOf } from "../schema";
import { tomorrow } from "./tomorrow";

export function Schedule({ form }: { form: Form }) {
  const { t } = useTranslation();
  const every = text(form.value.every) || "day";
  const property = useQuery(schemaQuery).data;
  const weekday = partOf(property, "schedule")?.properties?.weekday;
  return (
    <Stack gap="sm">
      <SegmentPick form={form} member="segment_id" required />
      <Select
        label={t("workflows.form.fields.every")}
        data={["day", "week", "month", "once"].map((one) => ({
          value: one,
          label: t(`workflows.every.${one}` as "workflows.every.day"),
        }))}
        value={every}
        onChange={(next) =>
          next &&
          form.set({
            every: next,
            weekday: undefined,
            day: undefined,
            on: next === "once" ? tomorrow().slice(0, 10) : undefined,
          })
        }
        allowDeselect={false}
        disabled={form.disabled}
        error={form.error("every")}
      />
      {every === "week" && weekday && (
        <Member
          form={form}
          name="weekday"
          property={{ ...weekday, enum: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] }}
        />
      )}
      {every === "month" && (
        <NumberInput
          label={t("workflows.form.dayOfMonth")}
          min={1}
          max={31}
          value={Number(form.value.day ?? 1)}
          onChange={(next) => form.set({ day: Number(next) || 1 })}
          error={form.error("day")}
          disabled={form.disabled}
        />
      )}
      {every === "once" && (
        <TextInput
          type="date"
          label={t("workflows.form.onDay")}
          value={text(form.value.on)}
          onChange={(event) => form.set({ on: event.currentTarget.value })}
          error={form.error("on")}
          disabled={form.disabled}
        />
      )}
      <TimeOfDay form={form} member="at" />
      <TimeZone form={form} member="time_zone" />
    </Stack>
  );
}
