import { Button, Group, Paper, SimpleGrid, Stack, Switch, Table, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Report } from "~/api/schema";
import { useMay } from "~/api/session";
import { Chart } from "~/ui/Chart";
import { Figure } from "~/ui/Figure";
import { dateTime, money, number, percent } from "~/ui/format";
import { figuresQuery } from "../../queries";
import { People } from "../People";
import { SaveTable } from "../SaveTable";

const FIGURES = ["sent", "delivered", "opened", "clicked", "unsubscribed", "complained", "bounced"] as const;
const EMAIL = 1;
type Name = (typeof FIGURES)[number];

/** The funnel and the hours. Machines are left out unless asked for; how many there are is told either way. */
export function Overview({ report }: { report: Report }) {
  const { t } = useTranslation();
  const id = report.campaign.campaign_id;
  const search = useSearch({ from: "/campaigns/$id" });
  const go = useNavigate();
  const mayExport = useMay("export_contacts");
  const mayRead = useMay("read_contacts");
  const figures = useQuery(figuresQuery(id));
  const put = (change: { people?: string; machines?: true | undefined }) =>
    void go({
      to: "/campaigns/$id",
      params: { id: String(id) },
      search: { ...search, ...change },
      replace: true,
    });
  const withMachines = search.machines === true;
  const of = (name: string) => figures.data?.find((one) => one.figure === name);
  const counts: Record<Name, number> = {
    sent: report.sent,
    // Mail has no receipts: what servers took and did not return. Gateways and browsers tell of each message.
    delivered: report.campaign.channel === EMAIL ? report.sent - report.bounced : report.delivered,
    opened: withMachines ? report.opened_total + report.machine_opens : report.opened,
    clicked: withMachines ? report.clicked_total + report.machine_clicks : report.clicked,
    unsubscribed: report.unsubscribed,
    complained: report.complained,
    bounced: report.bounced,
  };
  const title = (name: string) =>
    t("campaignReport.peopleOf", {
      figure: t(`campaignReport.figures.${name}` as "campaignReport.figures.sent"),
      name: report.campaign.name,
    });
  const shown = search.people ? of(search.people) : undefined;
  const machines = { opened: report.machine_opens, clicked: report.machine_clicks } as Record<string, number>;
  return (
    <Stack>
      <Group justify="space-between">
        <Switch
          label={t("campaignReport.withoutMachines")}
          description={t("campaignReport.machinesHint")}
          checked={!withMachines}
          onChange={(event) => put({ machines: event.currentTarget.checked ? undefined : true })}
        />
        <Group gap="xs">
          <SaveTable
            name={`campaign-${id}-figures`}
            of={t("campaignReport.tabs.overview")}
            rows={() => [
              ["figure", "count"],
              ["audience", report.audience],
              ...FIGURES.map((name) => [name, counts[name]]),
              ["failed", report.failed],
              ...Object.entries(report.excluded).map(([why, many]) => [`excluded: ${why}`, many]),
              ["machine_opens", report.machine_opens],
              ["machine_clicks", report.machine_clicks],
              ["orders", report.orders],
              ...report.revenue.map((one) => [`revenue ${one.currency}`, Number(one.net)]),
            ]}
          />
          {mayExport && (
            <Button
              component="a"
              href={`/syncom/v1/exports/activity.csv?campaign_id=${id}`}
              download
              variant="default"
              size="xs"
              leftSection={<IconDownload size={16} aria-hidden />}
            >
              {t("campaignReport.exportCsv")}
            </Button>
          )}
        </Group>
      </Group>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 4 }}>
        {FIGURES.map((name) => {
          const by = machines[name] ?? 0;
          return (
            <Figure
              key={name}
              label={t(`campaignReport.figures.${name}`)}
              value={number(counts[name])}
              rate={
                name === "sent"
                  ? percent(share(report.sent, report.audience))
                  : percent(share(counts[name], report.sent))
              }
              hint={t(`campaignReport.hints.${name}`)}
              change={
                by > 0
                  ? {
                      text: t(withMachines ? "campaignReport.ofMachines" : "campaignReport.andMachines", {
                        number: number(by),
                      }),
                      good: null,
                    }
                  : undefined
              }
              onOpen={mayRead && of(name) ? () => put({ people: name }) : undefined}
            />
          );
        })}
        <Figure
          label={t("campaignReport.figures.orders")}
          value={number(report.orders)}
          rate={percent(report.order_rate)}
          hint={t("campaignReport.hints.orders")}
        />
      </SimpleGrid>
      {report.revenue.length > 0 && (
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          {report.revenue.map((one) => (
            <Figure
              key={one.currency}
              label={t("campaignReport.revenue", { currency: one.currency })}
              value={money(one.net, one.currency)}
              hint={t("campaignReport.hints.revenue")}
            />
          ))}
        </SimpleGrid>
      )}
      {report.cost && (
        <Text size="sm">
          {t("campaignReport.cost", {
            parts: number(report.parts),
            cost: money(report.cost.amount, report.cost.currency),
          })}
        </Text>
      )}
      <Hours report={report} />
      <People
        title={search.people ? title(search.people) : ""}
        condition={shown?.condition}
        onClose={() => put({ people: undefined })}
      />
    </Stack>
  );
}

function Hours({ report }: { report: Report }) {
  const { t } = useTranslation();
  const option = useMemo(
    () => ({
      legend: { bottom: 0 },
      grid: { left: 8, right: 16, top: 24, bottom: 36, containLabel: true },
      xAxis: { type: "time" as const },
      yAxis: { type: "value" as const, minInterval: 1 },
      series: (["sent", "opened.first", "clicked.first"] as const).map((kind) => ({
        name: t(
          `campaignReport.hours.${kind === "sent" ? "sent" : kind === "opened.first" ? "opened" : "clicked"}`,
        ),
        type: "line" as const,
        showSymbol: report.hours.length < 48,
        data: report.hours.map((hour) => [hour.hour, hour.counts[kind] ?? 0]),
      })),
    }),
    [report.hours, t],
  );
  if (report.hours.length === 0) return null;
  return (
    <Paper withBorder p="md">
      <Title order={2} mb="xs">
        {t("campaignReport.byHour")}
      </Title>
      <Chart label={t("campaignReport.byHour")} option={option} />
      <details>
        <Text component="summary" size="sm" c="dimmed" style={{ cursor: "pointer" }}>
          {t("campaignReport.asTable")}
        </Text>
        <Table.ScrollContainer minWidth={300}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("campaignReport.hour")}</Table.Th>
                <Table.Th ta="end">{t("campaignReport.hours.sent")}</Table.Th>
                <Table.Th ta="end">{t("campaignReport.hours.opened")}</Table.Th>
                <Table.Th ta="end">{t("campaignReport.hours.clicked")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {report.hours.slice(0, 200).map((hour) => (
                <Table.Tr key={hour.hour}>
                  <Table.Td>{dateTime(hour.hour)}</Table.Td>
                  <Table.Td ta="end">{number(hour.counts.sent ?? 0)}</Table.Td>
                  <Table.Td ta="end">{number(hour.counts["opened.first"] ?? 0)}</Table.Td>
                  <Table.Td ta="end">{number(hour.counts["clicked.first"] ?? 0)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </details>
    </Paper>
  );
}

function share(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
