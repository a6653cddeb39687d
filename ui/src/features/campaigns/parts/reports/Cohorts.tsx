import { Group, Paper, Select, Skeleton, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { Failed } from "~/ui/Failed";
import { number, percent } from "~/ui/format";
import { noonOf } from "../../calendar";
import { cohortsQuery } from "../../queries";
import { ACTIVE, BEGUN, oneOf, type ReportsSearch } from "../../searches";
import { SaveTable } from "../SaveTable";
import { shade } from "./shade";

type Chosen = Required<Pick<ReportsSearch, "begun" | "active">>;

/** Who began in a month, and what share of them was there in each month after it. Of the whole account. */
export function Cohorts({
  begun,
  active,
  onChange,
}: Chosen & { onChange: (change: Partial<Chosen>) => void }) {
  const { t } = useTranslation();
  const found = useQuery(cohortsQuery(begun, active));
  const rows = found.data ?? [];
  const months = Math.max(0, ...rows.map((one) => one.active.length));
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" mb="xs">
        <div>
          <Title order={2}>{t("reports.cohorts")}</Title>
          <Text size="xs" c="dimmed">
            {t("reports.cohortsHint")}
          </Text>
        </div>
        <Group gap="xs">
          <Select
            aria-label={t("reports.begun")}
            data={BEGUN.map((one) => ({ value: one, label: t(`reports.begunBy.${one}`) }))}
            value={begun}
            onChange={(one) => onChange({ begun: oneOf(BEGUN, one) ?? "created" })}
            allowDeselect={false}
            size="xs"
            w={190}
          />
          <Select
            aria-label={t("reports.active")}
            data={ACTIVE.map((one) => ({ value: one, label: t(`reports.activeBy.${one}`) }))}
            value={active}
            onChange={(one) => onChange({ active: oneOf(ACTIVE, one) ?? "engaged" })}
            allowDeselect={false}
            size="xs"
            w={190}
          />
          <SaveTable
            name="cohorts"
            of={t("reports.cohorts")}
            rows={() => [
              ["month", "contacts", ...Array.from({ length: months }, (_, after) => `+${after}`)],
              ...rows.map((one) => [one.month, one.contacts, ...one.active]),
            ]}
          />
        </Group>
      </Group>
      {found.isError && <Failed error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Skeleton height={260} radius="md" />}
      {found.data && (
        <Table.ScrollContainer
          minWidth={900}
          scrollAreaProps={{
            viewportProps: { tabIndex: 0, role: "region", "aria-label": t("reports.cohorts") },
          }}
        >
          <Table verticalSpacing={4} highlightOnHover={false}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("reports.month")}</Table.Th>
                <Table.Th ta="end">{t("reports.contacts")}</Table.Th>
                {Array.from({ length: months }, (_, after) => (
                  <Table.Th key={`after-${after}`} ta="end">
                    {t("reports.after", { months: after })}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((one) => (
                <Table.Tr key={one.month}>
                  <Table.Th scope="row">{monthName(one.month)}</Table.Th>
                  <Table.Td ta="end">{number(one.contacts)}</Table.Td>
                  {Array.from({ length: months }, (_, after) => {
                    const there = one.active[after];
                    return (
                      <Table.Td
                        key={`after-${after}`}
                        ta="end"
                        fz="xs"
                        title={there === undefined ? undefined : number(there)}
                        style={{ background: shade(there ?? 0, one.contacts) }}
                      >
                        {there === undefined || one.contacts === 0 ? "" : percent(there / one.contacts)}
                      </Table.Td>
                    );
                  })}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Paper>
  );
}

function monthName(day: string): string {
  return new Intl.DateTimeFormat(i18next.language, { month: "short", year: "numeric" }).format(noonOf(day));
}
