import { Stack, Table, Text } from "@mantine/core";
import i18next from "i18next";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { noonOf } from "../../calendar";

/** Weeks as rows of a table. What is dropped on a day that is not over is told by its id. */
export function Grid({
  days,
  today,
  isIn,
  isWeek,
  entries,
  onDrop,
}: {
  days: readonly string[];
  today: string;
  /** Whether a day belongs to what is looked at; the others are pale. */
  isIn: (day: string) => boolean;
  isWeek: boolean;
  entries: (day: string) => ReactNode;
  onDrop: (id: number, day: string) => void;
}) {
  const { t } = useTranslation();
  const [over, setOver] = useState<string>();
  const weeks = Array.from({ length: days.length / 7 }, (_, week) => days.slice(7 * week, 7 * week + 7));
  const name = new Intl.DateTimeFormat(i18next.language, { weekday: "short" });
  return (
    <Table
      withTableBorder
      withColumnBorders
      highlightOnHover={false}
      layout="fixed"
      aria-label={t("nav.calendar")}
    >
      <Table.Thead>
        <Table.Tr>
          {days.slice(0, 7).map((day) => (
            <Table.Th key={day} scope="col">
              {name.format(noonOf(day))}
            </Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {weeks.map((week) => (
          <Table.Tr key={week[0]}>
            {week.map((day) => (
              <Table.Td
                key={day}
                p={6}
                style={{
                  height: isWeek ? 360 : 116,
                  verticalAlign: "top",
                  background:
                    over === day
                      ? "var(--mantine-primary-color-light)"
                      : isIn(day)
                        ? "var(--mantine-color-body)"
                        : "var(--syncom-ground)",
                }}
                onDragOver={(event) => {
                  if (day < today) return;
                  event.preventDefault();
                  setOver(day);
                }}
                onDragLeave={() => setOver(undefined)}
                onDrop={(event) => {
                  event.preventDefault();
                  setOver(undefined);
                  onDrop(Number(event.dataTransfer.getData("text/plain")), day);
                }}
              >
                <Text
                  size="sm"
                  c={isIn(day) ? undefined : "dimmed"}
                  fw={day === today ? 700 : undefined}
                  td={day === today ? "underline" : undefined}
                  mb={4}
                >
                  <time dateTime={day} aria-current={day === today ? "date" : undefined}>
                    {Number(day.slice(8))}
                  </time>
                </Text>
                <Stack gap={4}>{entries(day)}</Stack>
              </Table.Td>
            ))}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
