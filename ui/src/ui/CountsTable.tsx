/** Counts of things in rows, the first column naming them; some as a share of what was sent as well. */
import { Paper, Table, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { number, percent } from "./format";

export function CountsTable<Name extends string>({
  of,
  columns,
  shared,
  rows,
}: {
  /** What the rows are. */
  of: string;
  columns: readonly { name: Name; label: string }[];
  /** Columns that are shown as a share of `sent` too. */
  shared: readonly Name[];
  rows: readonly { key: string; name: ReactNode; counts: Readonly<Record<Name | "sent", number>> }[];
}) {
  return (
    <Paper withBorder p="md">
      <Table.ScrollContainer
        minWidth={720}
        scrollAreaProps={{ viewportProps: { tabIndex: 0, role: "region", "aria-label": of } }}
      >
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{of}</Table.Th>
              {columns.map(({ name, label }) => (
                <Table.Th key={name} ta="end">
                  {label}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(({ key, name, counts }) => (
              <Table.Tr key={key}>
                <Table.Td maw={320} style={{ overflowWrap: "anywhere" }}>
                  {name}
                </Table.Td>
                {columns.map((column) => (
                  <Table.Td key={column.name} ta="end" style={{ fontVariantNumeric: "tabular-nums" }}>
                    {number(counts[column.name])}
                    {shared.includes(column.name) && counts.sent > 0 && (
                      <Text span size="xs" c="dimmed">
                        {" "}
                        {percent(counts[column.name] / counts.sent)}
                      </Text>
                    )}
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
