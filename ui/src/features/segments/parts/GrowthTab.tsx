import { Accordion, SegmentedControl, SimpleGrid, Skeleton, Stack, Table } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Chart } from "~/ui/Chart";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { date, number } from "~/ui/format";
import { growthQuery } from "../queries";

/** Size, entries and exits of each day. */
export function GrowthTab({
  segmentId,
  days,
  onDays,
}: {
  segmentId: number;
  days: number;
  onDays: (days: number) => void;
}) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(growthQuery(segmentId, days));
  const option = useMemo(() => {
    const rows = data ?? [];
    return {
      legend: { top: 0 },
      grid: { left: 8, right: 16, top: 40, bottom: 8, containLabel: true },
      xAxis: { type: "category" as const, data: rows.map((one) => date(one.day)) },
      yAxis: [
        { type: "value" as const, minInterval: 1 },
        { type: "value" as const, minInterval: 1, splitLine: { show: false } },
      ],
      series: [
        {
          name: t("segments.people"),
          type: "line" as const,
          showSymbol: rows.length < 40,
          areaStyle: { opacity: 0.1 },
          data: rows.map((one) => one.members),
        },
        {
          name: t("segments.entered"),
          type: "bar" as const,
          stack: "moves",
          yAxisIndex: 1,
          data: rows.map((one) => one.entered),
        },
        {
          name: t("segments.left"),
          type: "bar" as const,
          stack: "moves",
          yAxisIndex: 1,
          data: rows.map((one) => -one.left),
        },
      ],
    };
  }, [data, t]);
  if (error && !data) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={300} />;
  const entered = data.reduce((sum, one) => sum + one.entered, 0);
  const left = data.reduce((sum, one) => sum + one.left, 0);
  return (
    <Stack>
      <SegmentedControl
        aria-label={t("segments.period")}
        value={String(days)}
        data={[30, 90, 365].map((one) => ({ value: String(one), label: t("segments.days", { count: one }) }))}
        onChange={(value) => onDays(Number(value))}
        style={{ alignSelf: "flex-start" }}
      />
      <SimpleGrid cols={{ base: 2, sm: 4 }}>
        <Figure label={t("segments.people")} value={number(data.at(-1)?.members ?? 0)} />
        <Figure label={t("segments.entered")} value={number(entered)} />
        <Figure label={t("segments.left")} value={number(left)} />
        <Figure label={t("segments.change")} value={number(entered - left, { signDisplay: "exceptZero" })} />
      </SimpleGrid>
      <Chart label={t("segments.growthChart")} option={option} height={300} />
      <Accordion variant="contained">
        <Accordion.Item value="table">
          <Accordion.Control>{t("segments.asTable")}</Accordion.Control>
          <Accordion.Panel>
            <Table.ScrollContainer minWidth={320} mah={320}>
              <Table>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t("segments.day")}</Table.Th>
                    <Table.Th ta="right">{t("segments.people")}</Table.Th>
                    <Table.Th ta="right">{t("segments.entered")}</Table.Th>
                    <Table.Th ta="right">{t("segments.left")}</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {[...data].reverse().map((one) => (
                    <Table.Tr key={one.day}>
                      <Table.Td>{date(one.day)}</Table.Td>
                      <Table.Td ta="right">{number(one.members)}</Table.Td>
                      <Table.Td ta="right">{number(one.entered)}</Table.Td>
                      <Table.Td ta="right">{number(one.left)}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </Table.ScrollContainer>
          </Accordion.Panel>
        </Accordion.Item>
      </Accordion>
    </Stack>
  );
}
