import { ActionIcon, Anchor, Badge, Group, Paper, Select, Skeleton, Table, Text, Title } from "@mantine/core";
import { IconScale, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { campaignsQuery } from "~/api/campaigns";
import type { Compared } from "~/api/schema";
import { Chart } from "~/ui/Chart";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { money, number, percent } from "~/ui/format";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { bestOf, COUNTS, idsOf, MOST, RATES } from "../comparing";
import { SaveTable } from "../parts/SaveTable";
import { comparisonQuery } from "../queries";

export function ComparePage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/campaigns/compare" });
  const go = useNavigate();
  const ids = idsOf(search.ids);
  const found = useQuery({ ...comparisonQuery(ids), enabled: ids.length > 0 });
  const put = (next: number[]) =>
    void go({ to: "/campaigns/compare", search: { ids: next.join(",") || undefined }, replace: true });
  const rows = ids.length > 0 ? (found.data ?? []) : [];
  return (
    <Page title={t("compare.title")} crumbs={[{ label: t("nav.campaigns"), to: "/campaigns" }]}>
      <Adder ids={ids} onAdd={(id) => put([...ids, id])} />
      {ids.length > 0 && found.isError && <Failed error={found.error} retry={() => void found.refetch()} />}
      {ids.length > 0 && found.isPending && <Skeleton height={360} radius="lg" />}
      {ids.length === 0 && (
        <Empty icon={<IconScale />} title={t("compare.none")}>
          {t("compare.noneNext")}
        </Empty>
      )}
      {rows.length > 0 && (
        <>
          <Rates rows={rows} />
          <Figures rows={rows} onDrop={(id) => put(ids.filter((one) => one !== id))} />
        </>
      )}
    </Page>
  );
}

function Adder({ ids, onAdd }: { ids: number[]; onAdd: (id: number) => void }) {
  const { t } = useTranslation();
  const all = useQuery(campaignsQuery);
  return (
    <Select
      label={t("compare.add")}
      placeholder={t("compare.choose")}
      description={ids.length >= MOST ? t("compare.most", { number: MOST }) : undefined}
      disabled={ids.length >= MOST}
      data={(all.data ?? [])
        .filter((one) => one.launched_at !== null && !ids.includes(one.campaign_id))
        .map((one) => ({ value: String(one.campaign_id), label: one.name }))}
      limit={100}
      value={null}
      onChange={(id) => id && onAdd(Number(id))}
      searchable
      clearable={false}
      maw={420}
    />
  );
}

function Rates({ rows }: { rows: Compared[] }) {
  const { t } = useTranslation();
  const option = useMemo(
    () => ({
      legend: { bottom: 0, type: "scroll" as const },
      grid: { left: 8, right: 16, top: 24, bottom: 36, containLabel: true },
      xAxis: {
        type: "category" as const,
        data: (["open_rate", "click_rate", "click_to_open_rate"] as const).map((rate) =>
          t(`compare.rates.${rate}`),
        ),
      },
      yAxis: { type: "value" as const, axisLabel: { formatter: (value: number) => percent(value, 0) } },
      series: rows.map((one) => ({
        name: one.name.slice(0, 60),
        type: "bar" as const,
        data: [one.open_rate, one.click_rate, one.click_to_open_rate],
        tooltip: { valueFormatter: (value: unknown) => percent(Number(value)) },
      })),
    }),
    [rows, t],
  );
  return (
    <Paper withBorder p="md">
      <Title order={2} mb="xs">
        {t("compare.chart")}
      </Title>
      <Chart label={t("compare.chart")} option={option} />
    </Paper>
  );
}

function Figures({ rows, onDrop }: { rows: Compared[]; onDrop: (id: number) => void }) {
  const { t } = useTranslation();
  const currencies = [...new Set(rows.flatMap((one) => one.revenue.map((sum) => sum.currency)))];
  const net = (one: Compared, currency: string) =>
    one.revenue.find((sum) => sum.currency === currency)?.net ?? 0;
  const file = () => [
    [t("compare.figure"), ...rows.map((one) => one.name)],
    ...COUNTS.map((name) => [t(`compare.counts.${name}`), ...rows.map((one) => one[name])]),
    ...RATES.map((name) => [t(`compare.rates.${name}`), ...rows.map((one) => one[name])]),
    ...currencies.map((currency) => [
      t("campaignReport.revenue", { currency }),
      ...rows.map((one) => Number(net(one, currency))),
    ]),
  ];
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="xs">
        <Title order={2}>{t("compare.figures")}</Title>
        <SaveTable name="comparison" of={t("compare.figures")} rows={file} />
      </Group>
      <Table.ScrollContainer minWidth={240 + 160 * rows.length}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("compare.figure")}</Table.Th>
              {rows.map((one) => (
                <Table.Th key={one.campaign_id} ta="end" maw={240}>
                  <Group gap={2} wrap="nowrap" justify="flex-end">
                    <Anchor
                      size="sm"
                      dir="auto"
                      lineClamp={2}
                      style={{ overflowWrap: "anywhere" }}
                      renderRoot={(props) => (
                        <Link {...props} to="/campaigns/$id" params={{ id: String(one.campaign_id) }} />
                      )}
                    >
                      {one.name}
                    </Anchor>
                    <ActionIcon
                      variant="subtle"
                      size={24}
                      color="gray"
                      onClick={() => onDrop(one.campaign_id)}
                      aria-label={t("compare.drop", { name: one.name })}
                    >
                      <IconX size={14} aria-hidden />
                    </ActionIcon>
                  </Group>
                  <Text size="xs" c="dimmed" component="div">
                    {one.launched_at ? <Time at={one.launched_at} /> : t("campaigns.notPlanned")}
                  </Text>
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {COUNTS.map((name) => (
              <Table.Tr key={name}>
                <Table.Th scope="row">{t(`compare.counts.${name}`)}</Table.Th>
                {rows.map((one) => (
                  <Table.Td key={one.campaign_id} ta="end">
                    {number(one[name])}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
            {RATES.map((name) => {
              const best = bestOf(rows, name);
              return (
                <Table.Tr key={name}>
                  <Table.Th scope="row">{t(`compare.rates.${name}`)}</Table.Th>
                  {rows.map((one) => (
                    <Table.Td key={one.campaign_id} ta="end">
                      {best.includes(one.campaign_id) && (
                        <Badge color="teal" size="sm" tt="none" mr={6}>
                          {t("compare.best")}
                        </Badge>
                      )}
                      {percent(one[name], 2)}
                    </Table.Td>
                  ))}
                </Table.Tr>
              );
            })}
            {currencies.map((currency) => (
              <Table.Tr key={currency}>
                <Table.Th scope="row">{t("campaignReport.revenue", { currency })}</Table.Th>
                {rows.map((one) => (
                  <Table.Td key={one.campaign_id} ta="end">
                    {money(net(one, currency), currency)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}
