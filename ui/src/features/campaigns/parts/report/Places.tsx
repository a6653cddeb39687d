/** Where mail is read, and how receiving domains take it: of a campaign, or of the whole account. */
import { Group, Paper, Progress, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { IconWorld } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { CountsTable } from "~/ui/CountsTable";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { number, percent } from "~/ui/format";
import type { Period } from "../../periods";
import { receiversQuery, sharesQuery } from "../../queries";
import { SaveTable } from "../SaveTable";

const BY = ["device", "client", "os", "country"] as const;
const SHOWN = 12;

type Of = { campaign?: number; period?: Period };

export function Shares({ campaign, period }: Of) {
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      {BY.map((by) => (
        <Share key={by} campaign={campaign} period={period} by={by} />
      ))}
    </SimpleGrid>
  );
}

function Share({ campaign, period, by }: Of & { by: (typeof BY)[number] }) {
  const { t } = useTranslation();
  const shares = useQuery(sharesQuery(campaign, by, period));
  const rows = shares.data ?? [];
  const whole = rows.reduce((sum, one) => sum + one.opened + one.clicked, 0);
  const file = () => [
    [by, "opened", "clicked", "machine_opens", "machine_clicks"],
    ...rows.map((one) => [one.value, one.opened, one.clicked, one.machine_opens, one.machine_clicks]),
  ];
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="sm">
        <Title order={2}>{t(`campaignReport.by.${by}`)}</Title>
        {rows.length > 0 && <SaveTable name={by} of={t(`campaignReport.by.${by}`)} rows={file} />}
      </Group>
      {shares.isError && <Failed error={shares.error} />}
      {shares.data && rows.length === 0 && <Text c="dimmed">{t("campaignReport.nothingYet")}</Text>}
      <Stack gap={8}>
        {rows.slice(0, SHOWN).map((one) => {
          const hits = one.opened + one.clicked;
          return (
            <div key={one.value}>
              <Text size="sm" style={{ display: "flex", justifyContent: "space-between", gap: 12 }}>
                <span>{named(by, one.value) || t("campaignReport.notKnown")}</span>
                <span>
                  {percent(whole > 0 ? hits / whole : 0)} ·{" "}
                  {t("campaignReport.hits", { opened: number(one.opened), clicked: number(one.clicked) })}
                </span>
              </Text>
              <Progress value={whole > 0 ? (100 * hits) / whole : 0} size="sm" aria-hidden />
            </div>
          );
        })}
      </Stack>
    </Paper>
  );
}

function named(by: string, value: string): string {
  if (by !== "country" || !/^[A-Z]{2}$/.test(value)) return value;
  return new Intl.DisplayNames([i18next.language], { type: "region" }).of(value) ?? value;
}

const COLUMNS = ["sent", "failed", "bounced", "opened", "clicked", "unsubscribed", "complained"] as const;

export function Receivers({ campaign, period }: Of) {
  const { t } = useTranslation();
  const receivers = useQuery(receiversQuery(campaign, period));
  if (receivers.isError) return <Failed error={receivers.error} retry={() => void receivers.refetch()} />;
  if (receivers.data?.length === 0)
    return <Empty icon={<IconWorld />} title={t("campaignReport.nothingYet")} />;
  const file = () => [
    ["domain", ...COLUMNS],
    ...(receivers.data ?? []).map((one) => [one.domain, ...COLUMNS.map((name) => one[name])]),
  ];
  return (
    <Stack gap="xs">
      <Group justify="flex-end">
        <SaveTable name="domains" of={t("campaignReport.tabs.domains")} rows={file} />
      </Group>
      <CountsTable
        of={t("campaignReport.domain")}
        columns={COLUMNS.map((name) => ({ name, label: t(`campaignReport.columns.${name}`) }))}
        shared={["bounced", "opened", "clicked", "unsubscribed", "complained"]}
        rows={(receivers.data ?? []).map((one) => ({
          key: one.domain,
          name: one.domain || t("campaignReport.notKnown"),
          counts: one,
        }))}
      />
    </Stack>
  );
}
