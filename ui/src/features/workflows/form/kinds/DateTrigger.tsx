import { Stack, Switch, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Form } from "../context";
import { DateField } from "../inputs/picks";
import { Days, TimeOfDay } from "../inputs/times";

export function DateTrigger({ form }: { form: Form }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm">
      <DateField form={form} member="field" label={t("workflows.form.dateField")} />
      <Days form={form} />
      <TimeOfDay form={form} member="at" />
      <Switch
        label={t("workflows.form.fields.yearly")}
        checked={form.value.yearly !== false}
        disabled={form.disabled}
        onChange={(event) => form.set({ yearly: event.currentTarget.checked ? undefined : false })}
      />
      <Text size="xs" c="dimmed">
        {t("workflows.form.contactZone")}
      </Text>
    </Stack>
  );
}
