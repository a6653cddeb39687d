/** How a contact stands: engagement, RFM, what is foreseen. Those who never ordered have no scores of the latter. */
import { Badge, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { date, money, number, percent } from "~/ui/format";
import { Time } from "~/ui/Time";
import { engagementQuery, ordersQuery, predictionQuery, revenueQuery, rfmQuery } from "../queries";
import { word } from "./names";
import { Panel } from "./Panel";

const COLOURS: { [band: string]: string } = {
  active: "teal",
  warm: "blue",
  cooling: "yellow",
  inactive: "gray",
};

export function Standing({ id }: { id: number }) {
  const { t } = useTranslation();
  const engagement = useQuery(engagementQuery(id)).data;
  const revenue = useQuery(revenueQuery(id)).data ?? [];
  const bought = (useQuery(ordersQuery(id)).data?.length ?? 0) > 0;
  return (
    <Panel title={t("contacts.standing")}>
      <Stack gap="sm">
        {engagement && (
          <div>
            <Group gap="xs" mb={4}>
              <Badge color={COLOURS[engagement.band] ?? "gray"} tt="none" autoContrast>
                {word(t, "bands", engagement.band)}
              </Badge>
              <Text size="sm" c="dimmed">
                {t("contacts.score", { score: number(engagement.score, { maximumFractionDigits: 2 }) })}
              </Text>
            </Group>
            <SimpleGrid cols={3} spacing="xs">
              <Fact name={t("contacts.got")}>{number(engagement.sent)}</Fact>
              <Fact name={t("contacts.opened")}>{number(engagement.opened)}</Fact>
              <Fact name={t("contacts.clicked")}>{number(engagement.clicked)}</Fact>
            </SimpleGrid>
            {engagement.last_open_at && (
              <Text size="xs" c="dimmed" mt={4} component="div">
                {t("contacts.lastOpened")} <Time at={engagement.last_open_at} relative />
              </Text>
            )}
          </div>
        )}
        {revenue.length > 0 && (
          <SimpleGrid cols={2} spacing="xs">
            {revenue.map((one) => (
              <Fact key={one.currency} name={t("contacts.orderCount", { count: one.orders })}>
                {sum(one.net, one.currency)}
              </Fact>
            ))}
          </SimpleGrid>
        )}
        {bought && <Scores id={id} />}
      </Stack>
    </Panel>
  );
}

function Scores({ id }: { id: number }) {
  const { t } = useTranslation();
  const rfm = useQuery(rfmQuery(id)).data;
  const foreseen = useQuery(predictionQuery(id)).data;
  return (
    <>
      {rfm && (
        <div>
          <Text size="sm" fw={600}>
            {word(t, "classes", rfm.rfm_class)}
          </Text>
          <SimpleGrid cols={3} spacing="xs">
            <Fact name={t("contacts.recency")}>{rfm.recency} / 5</Fact>
            <Fact name={t("contacts.frequency")}>{rfm.frequency} / 5</Fact>
            <Fact name={t("contacts.monetary")}>{rfm.monetary} / 5</Fact>
          </SimpleGrid>
        </div>
      )}
      {foreseen && (
        <SimpleGrid cols={2} spacing="xs">
          {foreseen.next_order_on && (
            <Fact name={t("contacts.nextOrder")}>{date(foreseen.next_order_on)}</Fact>
          )}
          {foreseen.churn !== null && (
            <Fact name={t("contacts.churn")}>{percent(Number(foreseen.churn), 0)}</Fact>
          )}
        </SimpleGrid>
      )}
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Text size="sm" fw={600} style={{ fontVariantNumeric: "tabular-nums" }} component="div">
        {children}
      </Text>
    </div>
  );
}

/** An amount; orders may say no currency, and shops their own codes. */
export function sum(amount: string | number, currency: string): string {
  try {
    return currency ? money(amount, currency) : number(Number(amount));
  } catch {
    return `${number(Number(amount))} ${currency}`;
  }
}
