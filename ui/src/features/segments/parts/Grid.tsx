import { Table, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { RfmGrid } from "~/api/schema";
import { toAddress } from "~/ui/conditions/tree";
import { number, percent } from "~/ui/format";
import { heat } from "../heat";
import classes from "./heat.module.css";

const SCORES = [1, 2, 3, 4, 5];

/** 25 cells: recency down, frequency across. Each opens its people. */
export function Grid({ grid, money }: { grid: RfmGrid; money: (value: string) => string }) {
  const { t } = useTranslation();
  const most = Math.max(1, ...grid.cells.map((one) => one.contacts));
  const all = grid.cells.reduce((sum, one) => sum + one.contacts, 0);
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table
        className={classes.table}
        layout="fixed"
        fz="xs"
        highlightOnHover={false}
        aria-label={t("rfm.gridLabel")}
      >
        <Table.Thead>
          <Table.Tr>
            <Table.Td />
            {SCORES.map((score) => (
              <Table.Th key={score} scope="col" ta="center">
                {t("rfm.frequencyColumn", { score })}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {[...SCORES].reverse().map((recency) => (
            <Table.Tr key={recency}>
              <Table.Th scope="row">{t("rfm.recencyRow", { score: recency })}</Table.Th>
              {SCORES.map((frequency) => {
                const cell = grid.cells.find((one) => one.recency === recency && one.frequency === frequency);
                const people = cell?.contacts ?? 0;
                const revenue = money(cell?.revenue ?? "0");
                const condition = {
                  rfm: {
                    recency: { at_least: recency, at_most: recency },
                    frequency: { at_least: frequency, at_most: frequency },
                  },
                };
                return (
                  <Table.Td key={frequency} p={3}>
                    <UnstyledButton
                      className={classes.cell}
                      data-heat={heat(people, most)}
                      renderRoot={(props) => (
                        <Link {...props} to="/segments/new" search={{ condition: toAddress(condition) }} />
                      )}
                    >
                      <VisuallyHidden>{t("rfm.cell", { recency, frequency })}</VisuallyHidden>
                      <Text component="span" fw={650} size="sm">
                        {number(people)}
                      </Text>
                      <Text component="span" size="xs">
                        {percent(all === 0 ? 0 : people / all)}
                      </Text>
                      <Text component="span" size="xs">
                        {revenue}
                      </Text>
                    </UnstyledButton>
                  </Table.Td>
                );
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
