import { Anchor, Progress, Table } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { RfmGrid } from "~/api/schema";
import { toAddress } from "~/ui/conditions/tree";
import { useWords } from "~/ui/conditions/words";
import { number, percent } from "~/ui/format";

/** The named classes, each with its people and their revenue. */
export function Classes({ grid, money }: { grid: RfmGrid; money: (value: string) => string }) {
  const { t } = useTranslation();
  const words = useWords();
  const all = grid.classes.reduce((sum, one) => sum + one.contacts, 0);
  return (
    <Table.ScrollContainer minWidth={340}>
      <Table fz="sm" horizontalSpacing={6} aria-label={t("rfm.classes")}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("rfm.class")}</Table.Th>
            <Table.Th ta="right">{t("rfm.customers")}</Table.Th>
            <Table.Td w="18%" />
            <Table.Th ta="right">{t("rfm.revenue")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {grid.classes.map((one) => (
            <Table.Tr key={one.rfm_class}>
              <Table.Td>
                <Anchor
                  size="sm"
                  renderRoot={(props) => (
                    <Link
                      {...props}
                      to="/segments/new"
                      search={{
                        condition: toAddress({ rfm: { class: [one.rfm_class] } }),
                        name: words("rfmClasses", one.rfm_class),
                      }}
                    />
                  )}
                >
                  {words("rfmClasses", one.rfm_class)}
                </Anchor>
              </Table.Td>
              <Table.Td ta="right">
                {number(one.contacts)} ({percent(all === 0 ? 0 : one.contacts / all)})
              </Table.Td>
              <Table.Td>
                <Progress value={all === 0 ? 0 : (100 * one.contacts) / all} aria-hidden />
              </Table.Td>
              <Table.Td ta="right">{money(one.revenue)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
