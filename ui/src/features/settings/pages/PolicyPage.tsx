import {
  ActionIcon,
  Button,
  Chip,
  Group,
  MultiSelect,
  NumberInput,
  Paper,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Policy } from "~/api/schema";
import { useMay } from "~/api/session";
import { Failed } from "~/ui/Failed";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { SettingsPage } from "../parts/SettingsPage";
import { dayName, type Limit, limitNames, policyOf, type Quiet, valuesOf, WEEKDAYS } from "../policy";
import { policyQuery } from "../queries";

const CHANNELS = ["email", "sms", "viber", "webpush"] as const;

export function PolicyPage() {
  const { t } = useTranslation();
  const policy = useQuery(policyQuery);
  return (
    <SettingsPage title={t("settings.places.policy.title")} soft={t("settings.policy.soft")}>
      {policy.isError && !policy.data && <Failed error={policy.error} retry={() => void policy.refetch()} />}
      {policy.data && <PolicyForm policy={policy.data} />}
    </SettingsPage>
  );
}

function PolicyForm({ policy }: { policy: Policy }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const may = useMay("manage_settings");
  const { form, submit, sending, failure } = useServerForm({
    initialValues: valuesOf(policy),
    send: (values) => ask(api.PUT("/syncom/v1/sending-policy", { body: policyOf(values) })),
    onDone: (answer) => {
      client.setQueryData(policyQuery.queryKey, answer);
      tellDone(t("settings.policy.saved"));
    },
  });
  const get = form.getInputProps;
  const channels = CHANNELS.map((value) => ({ value, label: t(`senders.channels.${value}`) }));
  const quiet: Quiet = { begin: "21:00", end: "09:00", weekdays: [], channels: [] };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Paper withBorder p="md">
          <Title order={2}>{t("settings.policy.quiet")}</Title>
          <Text size="sm" c="dimmed" mb="sm">
            {t("settings.policy.quietHint")}
          </Text>
          <Stack gap="md">
            {form.values.quiet_hours.map((_, place) => (
              <Group key={place} align="flex-end" gap="sm">
                <TextInput
                  type="time"
                  label={t("settings.policy.from")}
                  disabled={!may}
                  {...get(`quiet_hours.${place}.begin`)}
                />
                <TextInput
                  type="time"
                  label={t("settings.policy.to")}
                  disabled={!may}
                  {...get(`quiet_hours.${place}.end`)}
                />
                <div>
                  <Text size="sm" fw={500} mb={4}>
                    {t("settings.policy.days")}
                  </Text>
                  <Chip.Group
                    multiple
                    value={form.values.quiet_hours[place]?.weekdays ?? []}
                    onChange={(days) => form.setFieldValue(`quiet_hours.${place}.weekdays`, days)}
                  >
                    <Group gap={4}>
                      {WEEKDAYS.map((day) => (
                        <Chip key={day} value={day} size="xs" disabled={!may}>
                          {dayName(day, i18n.language)}
                        </Chip>
                      ))}
                    </Group>
                  </Chip.Group>
                </div>
                <MultiSelect
                  label={t("settings.policy.channels")}
                  placeholder={
                    form.values.quiet_hours[place]?.channels.length === 0 ? t("settings.all") : undefined
                  }
                  w={200}
                  data={channels}
                  disabled={!may}
                  {...get(`quiet_hours.${place}.channels`)}
                />
                {may && (
                  <Remove
                    label={t("settings.policy.removeQuiet")}
                    onClick={() => form.removeListItem("quiet_hours", place)}
                  />
                )}
              </Group>
            ))}
            {form.values.quiet_hours.length === 0 && <Text size="sm">{t("settings.policy.noQuiet")}</Text>}
            {may && (
              <Group>
                <Button variant="default" size="xs" onClick={() => form.insertListItem("quiet_hours", quiet)}>
                  {t("settings.policy.addQuiet")}
                </Button>
              </Group>
            )}
          </Stack>
        </Paper>
        <Paper withBorder p="md">
          <Title order={2}>{t("settings.policy.caps")}</Title>
          <Text size="sm" c="dimmed" mb="sm">
            {t("settings.policy.capsHint")}
          </Text>
          <Stack gap="md">
            {form.values.caps.map((_, place) => (
              <Group key={place} align="flex-end" gap="sm">
                <NumberInput
                  label={t("settings.policy.messages")}
                  min={1}
                  allowDecimal={false}
                  w={180}
                  disabled={!may}
                  {...get(`caps.${place}.messages`)}
                />
                <NumberInput
                  label={t("settings.policy.inDays")}
                  min={1}
                  allowDecimal={false}
                  w={180}
                  disabled={!may}
                  {...get(`caps.${place}.days`)}
                />
                <Select
                  label={t("senders.channel")}
                  w={180}
                  allowDeselect={false}
                  data={[{ value: "", label: t("settings.policy.together") }, ...channels]}
                  disabled={!may}
                  {...get(`caps.${place}.channel`)}
                />
                {may && (
                  <Remove
                    label={t("settings.policy.removeCap")}
                    onClick={() => form.removeListItem("caps", place)}
                  />
                )}
              </Group>
            ))}
            {form.values.caps.length === 0 && <Text size="sm">{t("settings.policy.noCaps")}</Text>}
            {may && (
              <Group>
                <Button
                  variant="default"
                  size="xs"
                  onClick={() => form.insertListItem("caps", { messages: 3, days: 7, channel: "" })}
                >
                  {t("settings.policy.addCap")}
                </Button>
              </Group>
            )}
          </Stack>
        </Paper>
        <Paper withBorder p="md">
          <Title order={2}>{t("settings.policy.limits")}</Title>
          <Text size="sm" c="dimmed" mb="sm">
            {t("settings.policy.limitsHint")}
          </Text>
          <SimpleGrid cols={{ base: 1, md: 3 }}>
            {limitNames.map((name: Limit) => (
              <Stack key={name} gap="xs">
                <Switch
                  label={t(`settings.policy.limit.${name}`)}
                  disabled={!may}
                  {...form.getInputProps(`limits.${name}.on`, { type: "checkbox" })}
                />
                <NumberInput
                  label={t("settings.policy.percent")}
                  min={0}
                  max={100}
                  suffix=" %"
                  disabled={!may || !form.values.limits[name].on}
                  {...get(`limits.${name}.percent`)}
                />
                <NumberInput
                  label={t("settings.policy.after")}
                  min={1}
                  allowDecimal={false}
                  disabled={!may || !form.values.limits[name].on}
                  {...get(`limits.${name}.after`)}
                />
              </Stack>
            ))}
          </SimpleGrid>
        </Paper>
        {failure !== undefined && <Failed error={failure} />}
        {may && (
          <Group>
            <Button type="submit" loading={sending}>
              {t("common.save")}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

function Remove({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <ActionIcon variant="subtle" color="red" mb={4} aria-label={label} onClick={onClick}>
      <IconTrash size={18} aria-hidden />
    </ActionIcon>
  );
}
