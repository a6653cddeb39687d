import { Group, Paper, Select, Skeleton, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { Failed } from "~/ui/Failed";
import { number, short } from "~/ui/format";
import type { Period } from "../../periods";
import { heatQuery } from "../../queries";
import { COUNTERS, oneOf, type ReportsSearch } from "../../searches";
import { SaveTable } from "../SaveTable";
import { shade } from "./shade";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const WORDS = {
  "opened.first": "opened",
  "clicked.first": "clicked",
  sent: "sent",
  unsubscribed: "unsubscribed",
  bounced: "bounced",
} as const;

/** A counter by weekday and hour of the viewer's zone. */
export function Heat({
  search,
  period,
  onCounter,
}: {
  search: ReportsSearch;
  period: Period;
  onCounter: (counter: ReportsSearch["counter"]) => void;
}) {
  const { t } = useTranslation();
  const counter = search.counter ?? "opened.first";
  const found = useQuery(heatQuery({ ...search, period }, counter));
  if (found.isError && !found.data) return <Failed error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton height={320} radius="lg" />;
  const { hours, zone } = found.data;
  const most = Math.max(0, ...hours.flat());
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="xs">
        <div>
          <Title order={2}>{t("reports.heat")}</Title>
          <Text size="xs" c="dimmed">
            {t("calendar.zone", { zone })}
          </Text>
        </div>
        <Group gap="xs">
          <Select
            aria-label={t("reports.counter")}
            data={COUNTERS.map((one) => ({ value: one, label: t(`campaignReport.columns.${WORDS[one]}`) }))}
            value={counter}
            onChange={(one) => onCounter(oneOf(COUNTERS, one))}
            allowDeselect={false}
            size="xs"
            w={150}
          />
          <SaveTable
            name="hours"
            of={t("reports.heat")}
            rows={() => [
              ["weekday", ...HOURS.map((hour) => `${hour}:00`)],
              ...hours.map((row, day) => [String(day + 1), ...row]),
            ]}
          />
        </Group>
      </Group>
      <Table.ScrollContainer
        minWidth={860}
        scrollAreaProps={{ viewportProps: { tabIndex: 0, role: "region", "aria-label": t("reports.heat") } }}
      >
        <Table layout="fixed" verticalSpacing={4} horizontalSpacing={2} highlightOnHover={false}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={56}>{t("reports.weekday")}</Table.Th>
              {HOURS.map((hour) => (
                <Table.Th key={hour} ta="center">
                  {hour}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {hours.map((row, day) => (
              <Table.Tr key={weekday(day, "long")}>
                <Table.Th scope="row">{weekday(day, "short")}</Table.Th>
                {HOURS.map((hour) => (
                  <Table.Td
                    key={hour}
                    ta="center"
                    fz="xs"
                    title={number(row[hour] ?? 0)}
                    style={{ background: shade(row[hour] ?? 0, most) }}
                  >
                    {row[hour] ? short(row[hour]) : ""}
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

/** Monday is 0. */
function weekday(day: number, length: "long" | "short"): string {
  // 1 January 2024 was one.
  return new Intl.DateTimeFormat(i18next.language, { weekday: length }).format(new Date(2024, 0, 1 + day));
}
