import { Group, Paper, Select, SimpleGrid, Skeleton, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Chart } from "~/ui/Chart";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { date, dateTime, number, percent } from "~/ui/format";
import { type Period, spanOf } from "../../periods";
import { seriesQuery } from "../../queries";
import { oneOf, type ReportsSearch, SPANS } from "../../searches";
import { SaveTable } from "../SaveTable";

const DRAWN = ["sent", "opened.first", "clicked.first"] as const;
const TOLD = [...DRAWN, "unsubscribed", "bounced", "complained", "failed"] as const;
type Counter = (typeof TOLD)[number];
/** JSON files of words have dots between levels. */
const WORDS = {
  sent: "sent",
  "opened.first": "opened",
  "clicked.first": "clicked",
  unsubscribed: "unsubscribed",
  bounced: "bounced",
  complained: "complained",
  failed: "failed",
} as const;
const ROWS = 400;

export function OverTime({
  search,
  period,
  onSpan,
}: {
  search: ReportsSearch;
  period: Period;
  onSpan: (span: ReportsSearch["span"]) => void;
}) {
  const { t } = useTranslation();
  const span = search.span ?? spanOf(period);
  const found = useQuery(seriesQuery({ ...search, period }, span));
  const points = found.data?.points;
  const name = (counter: Counter) => t(`campaignReport.columns.${WORDS[counter]}`);
  const option = useMemo(
    () => ({
      legend: { bottom: 0 },
      grid: { left: 8, right: 16, top: 24, bottom: 36, containLabel: true },
      xAxis: { type: "time" as const },
      yAxis: { type: "value" as const, minInterval: 1 },
      series: DRAWN.map((counter) => ({
        name: t(`campaignReport.columns.${WORDS[counter]}`),
        type: "line" as const,
        showSymbol: (points?.length ?? 0) < 48,
        data: (points ?? []).map((point) => [point.start, point.counts[counter] ?? 0]),
      })),
    }),
    [points, t],
  );
  if (found.isError && !found.data) return <Failed error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton height={360} radius="lg" />;
  const { total } = found.data;
  const sent = total.sent ?? 0;
  return (
    <>
      <SimpleGrid cols={{ base: 2, sm: 4 }}>
        {TOLD.map((counter) => (
          <Figure
            key={counter}
            label={name(counter)}
            value={number(total[counter] ?? 0)}
            rate={counter !== "sent" && sent > 0 ? percent((total[counter] ?? 0) / sent) : undefined}
          />
        ))}
      </SimpleGrid>
      <Paper withBorder p="md">
        <Group justify="space-between" mb="xs">
          <Title order={2}>{t("reports.overTime")}</Title>
          <Group gap="xs">
            <Select
              aria-label={t("reports.span")}
              data={SPANS.map((one) => ({ value: one, label: t(`reports.spans.${one}`) }))}
              value={span}
              onChange={(one) => onSpan(oneOf(SPANS, one))}
              allowDeselect={false}
              size="xs"
              w={130}
            />
            <SaveTable
              name="series"
              of={t("reports.overTime")}
              rows={() => [
                ["start", ...TOLD],
                ...found.data.points.map((point) => [
                  point.start,
                  ...TOLD.map((counter) => point.counts[counter] ?? 0),
                ]),
              ]}
            />
          </Group>
        </Group>
        {found.data.points.length === 0 ? (
          <Text c="dimmed">{t("campaignReport.nothingYet")}</Text>
        ) : (
          <>
            <Chart label={t("reports.overTime")} option={option} />
            <details>
              <Text component="summary" size="sm" c="dimmed" style={{ cursor: "pointer" }}>
                {t("campaignReport.asTable")}
              </Text>
              <Table.ScrollContainer
                minWidth={640}
                scrollAreaProps={{
                  viewportProps: { tabIndex: 0, role: "region", "aria-label": t("reports.overTime") },
                }}
              >
                <Table>
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>{t(`reports.spans.${span}`)}</Table.Th>
                      {TOLD.map((counter) => (
                        <Table.Th key={counter} ta="end">
                          {name(counter)}
                        </Table.Th>
                      ))}
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {found.data.points.slice(-ROWS).map((point) => (
                      <Table.Tr key={point.start}>
                        <Table.Td>{span === "hour" ? dateTime(point.start) : date(point.start)}</Table.Td>
                        {TOLD.map((counter) => (
                          <Table.Td key={counter} ta="end">
                            {number(point.counts[counter] ?? 0)}
                          </Table.Td>
                        ))}
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              </Table.ScrollContainer>
            </details>
          </>
        )}
      </Paper>
    </>
  );
}
