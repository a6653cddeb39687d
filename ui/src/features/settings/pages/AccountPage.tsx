import {
  Alert,
  Anchor,
  Button,
  Group,
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
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Account } from "~/api/schema";
import { accountQuery, useMay } from "~/api/session";
import { changeLanguage, languages } from "~/i18n/setup";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { Time } from "~/ui/Time";
import { tellDone } from "~/ui/tell";
import { useServerForm } from "~/ui/useServerForm";
import { useAct } from "../act";
import { SettingsPage } from "../parts/SettingsPage";

export function AccountPage() {
  const { t } = useTranslation();
  const account = useQuery(accountQuery);
  return (
    <SettingsPage title={t("settings.places.account.title")} soft={t("settings.places.account.soft")}>
      {account.isError && !account.data && (
        <Failed error={account.error} retry={() => void account.refetch()} />
      )}
      {account.data && (
        <>
          <About account={account.data} />
          <Language />
          <Requirement account={account.data} />
        </>
      )}
    </SettingsPage>
  );
}

const KEPT = ["keep_ledger_days", "keep_activity_days", "keep_events_days", "keep_carts_days"] as const;

function About({ account }: { account: Account }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const may = useMay("manage_account");
  const { form, submit, sending, failure } = useServerForm({
    initialValues: {
      name: account.name,
      time_zone: account.time_zone,
      velocity_truth: String(account.velocity_truth),
      velocity_lines: String(account.velocity_lines),
      keep_ledger_days: account.keep_ledger_days as number | string,
      keep_activity_days: account.keep_activity_days as number | string,
      keep_events_days: account.keep_events_days as number | string,
      keep_carts_days: account.keep_carts_days as number | string,
    },
    send: (values) =>
      ask(
        api.PATCH("/syncom/v1/account", {
          body: {
            name: values.name,
            time_zone: values.time_zone,
            velocity_truth: Number(values.velocity_truth) as 1 | 2,
            velocity_lines: Number(values.velocity_lines) as 1 | 2,
            ...Object.fromEntries(KEPT.map((name) => [name, Number(values[name])])),
          },
        }),
      ),
    onDone: () => {
      void client.invalidateQueries(accountQuery);
      tellDone(t("common.saved"));
    },
  });
  const zones = Intl.supportedValuesOf("timeZone");
  const versions = ["1", "2"].map((value) => ({ value, label: t("settings.account.version", { value }) }));
  return (
    <Paper withBorder p="md">
      <form onSubmit={submit} noValidate>
        <Stack>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label={t("common.name")}
              dir="auto"
              required
              disabled={!may}
              {...form.getInputProps("name")}
            />
            <Select
              label={t("settings.account.zone")}
              description={t("settings.account.zoneHint")}
              inputWrapperOrder={["label", "input", "description", "error"]}
              searchable
              allowDeselect={false}
              disabled={!may}
              data={zones.includes(account.time_zone) ? zones : [account.time_zone, ...zones]}
              {...form.getInputProps("time_zone")}
            />
          </SimpleGrid>
          <div>
            <Title order={2}>{t("settings.account.kept")}</Title>
            <Text size="sm" c="dimmed" mb="xs">
              {t("settings.account.keptHint")}
            </Text>
            <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }}>
              {KEPT.map((name) => (
                <NumberInput
                  key={name}
                  label={t(`settings.account.keeps.${name}`)}
                  min={0}
                  allowDecimal={false}
                  disabled={!may}
                  {...form.getInputProps(name)}
                />
              ))}
            </SimpleGrid>
          </div>
          <div>
            <Title order={2}>{t("settings.account.velocity")}</Title>
            <Text size="sm" c="dimmed" mb="xs">
              {t("settings.account.velocityHint")}
            </Text>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <Select
                label={t("settings.account.truth")}
                allowDeselect={false}
                disabled={!may}
                data={versions}
                {...form.getInputProps("velocity_truth")}
              />
              <Select
                label={t("settings.account.lines")}
                allowDeselect={false}
                disabled={!may}
                data={versions}
                {...form.getInputProps("velocity_lines")}
              />
            </SimpleGrid>
          </div>
          {failure !== undefined && <Failed error={failure} />}
          {may ? (
            <Group>
              <Button type="submit" loading={sending}>
                {t("common.save")}
              </Button>
            </Group>
          ) : (
            <Text size="sm" c="dimmed">
              {t("settings.account.ownersOnly")}
            </Text>
          )}
        </Stack>
      </form>
    </Paper>
  );
}

function Language() {
  const { t, i18n } = useTranslation();
  return (
    <Paper withBorder p="md">
      <Title order={2} mb="xs">
        {t("nav.language")}
      </Title>
      <Select
        aria-label={t("nav.language")}
        description={t("settings.account.languageHint")}
        inputWrapperOrder={["label", "input", "description"]}
        maw={360}
        allowDeselect={false}
        value={i18n.language}
        data={languages.map((one) => ({ value: one.code, label: one.name }))}
        onChange={(code) => code && void changeLanguage(code)}
      />
    </Paper>
  );
}

function Requirement({ account }: { account: Account }) {
  const { t } = useTranslation();
  const may = useMay("manage_account");
  const [days, setDays] = useState<number | string>(7);
  const required = account.two_factor_required_from;
  const change = useAct(
    (require_two_factor: boolean) =>
      ask(
        api.PATCH("/syncom/v1/account", {
          body: { require_two_factor, two_factor_grace_days: Number(days) },
        }),
      ),
    { renews: [accountQuery.queryKey, ["two-factor"]], done: t("common.saved") },
  );
  return (
    <Paper withBorder p="md">
      <Title order={2} mb="xs">
        {t("settings.account.require")}
      </Title>
      <Stack gap="sm">
        <Text size="sm">{t("settings.account.requireHint")}</Text>
        {required && (
          <Alert color="blue">
            {t("settings.account.requiredFrom")} <Time at={required} />
          </Alert>
        )}
        {may && (
          <Group align="flex-end">
            {!required && (
              <NumberInput
                label={t("settings.account.grace")}
                w={200}
                min={0}
                max={90}
                allowDecimal={false}
                value={days}
                onChange={setDays}
              />
            )}
            <Switch
              pb={8}
              label={t("settings.account.requireAll")}
              checked={required !== null}
              disabled={change.isPending}
              onChange={(event) =>
                event.currentTarget.checked
                  ? confirm({
                      title: t("settings.account.require"),
                      text: t("settings.account.requireAsk", { count: Number(days) }),
                      act: t("settings.account.requireAct"),
                      danger: false,
                      onYes: () => change.mutate(true),
                    })
                  : change.mutate(false)
              }
            />
          </Group>
        )}
        <Text size="sm" c="dimmed">
          <Anchor size="sm" renderRoot={(props) => <Link {...props} to={"/settings/security" as "/"} />}>
            {t("settings.places.security.title")}
          </Anchor>
        </Text>
      </Stack>
    </Paper>
  );
}
