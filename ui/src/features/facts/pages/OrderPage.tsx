import { Anchor, Badge, Grid, Paper, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { contactQuery } from "~/api/contacts";
import type { OrdersModelOrder as Order, Refund, Touch } from "~/api/schema";
import { useMay } from "~/api/session";
import { nameOf } from "~/ui/contactName";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { sum } from "../money";
import { SourceName } from "../parts/SourceName";
import { StatusBadge } from "../parts/statuses";
import { shown } from "../parts/values";
import { attributionStateQuery, isInPath, orderQuery, refundsQuery, touchesQuery } from "../queries";

export function OrderPage() {
  const { t } = useTranslation();
  const { number: external } = useParams({ from: "/orders/$number" });
  const order = useQuery(orderQuery(external));
  const crumbs = [{ label: t("nav.orders"), to: "/orders" as const }];
  if (!order.data)
    return (
      <Page title={t("orders.order", { number: external })} crumbs={crumbs}>
        {order.isError ? (
          <Failed error={order.error} retry={() => void order.refetch()} />
        ) : (
          <Skeleton height={320} />
        )}
      </Page>
    );
  return (
    <Page
      title={t("orders.order", { number: external })}
      crumbs={crumbs}
      soft={
        <>
          <StatusBadge status={order.data.status} /> <Time at={order.data.ordered_at} />
        </>
      }
    >
      <Grid>
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack>
            <Lines order={order.data} />
            <Refunds order={order.data} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack>
            <Whose id={order.data.contact_id} />
            <LedBy number={external} />
            <Details order={order.data} />
          </Stack>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

function Panel({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Paper withBorder p="md">
      <Title order={2} size="h3" mb="xs">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

function Lines({ order }: { order: Order }) {
  const { t } = useTranslation();
  const currency = order.currency ?? "";
  const items = order.items ?? [];
  return (
    <Panel title={t("orders.items")}>
      {items.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("orders.noItems")}
        </Text>
      )}
      <Table.ScrollContainer
        minWidth={420}
        scrollAreaProps={{ viewportProps: { tabIndex: 0, role: "region", "aria-label": t("orders.items") } }}
      >
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("orders.product")}</Table.Th>
              <Table.Th ta="right">{t("orders.quantity")}</Table.Th>
              <Table.Th ta="right">{t("orders.price")}</Table.Th>
              <Table.Th ta="right">{t("orders.sum")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {items.map((item, index) => (
              <Table.Tr key={index}>
                <Table.Td style={{ overflowWrap: "anywhere" }}>
                  <Text size="sm" fw={500} dir="auto">
                    {item.external_id ? (
                      <Anchor
                        size="sm"
                        renderRoot={(props) => (
                          <Link {...props} to="/products/$id" params={{ id: item.external_id ?? "" }} />
                        )}
                      >
                        {item.name}
                      </Anchor>
                    ) : (
                      item.name
                    )}
                  </Text>
                  {item.category && (
                    <Text size="xs" c="dimmed" dir="auto">
                      {item.category}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td ta="right">{number(Number(item.quantity ?? 1))}</Table.Td>
                <Table.Td ta="right">{sum(item.price ?? 0, currency)}</Table.Td>
                <Table.Td ta="right">
                  {sum(Number(item.price ?? 0) * Number(item.quantity ?? 1), currency)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
          <Table.Tfoot>
            <Footing name={t("orders.shipping")} amount={order.shipping} currency={currency} />
            <Footing name={t("orders.discount")} amount={order.discount} currency={currency} />
            <Footing name={t("orders.taxes")} amount={order.taxes} currency={currency} />
            <Footing name={t("orders.total")} amount={order.total} currency={currency} strong />
            {Number(order.refunded) > 0 && (
              <>
                <Footing name={t("orders.refunded")} amount={order.refunded} currency={currency} />
                <Footing
                  name={t("orders.net")}
                  amount={Number(order.total) - Number(order.refunded)}
                  currency={currency}
                  strong
                />
              </>
            )}
          </Table.Tfoot>
        </Table>
      </Table.ScrollContainer>
    </Panel>
  );
}

function Footing({
  name,
  amount,
  currency,
  strong = false,
}: {
  name: string;
  amount: string | number | null | undefined;
  currency: string;
  strong?: boolean;
}) {
  if (amount === null || amount === undefined) return null;
  return (
    <Table.Tr>
      <Table.Th scope="row" colSpan={3} ta="right" fw={strong ? 650 : 400}>
        {name}
      </Table.Th>
      <Table.Td ta="right" fw={strong ? 650 : 400}>
        {sum(amount, currency)}
      </Table.Td>
    </Table.Tr>
  );
}

function Refunds({ order }: { order: Order }) {
  const { t } = useTranslation();
  const refunds = useQuery({ ...refundsQuery(order.external_id), enabled: isInPath(order.external_id) });
  if (refunds.isError) return <Failed error={refunds.error} retry={() => void refunds.refetch()} />;
  if (!refunds.data || refunds.data.length === 0) return null;
  return (
    <Panel title={t("orders.refunds")}>
      <Table>
        <Table.Tbody>
          {refunds.data.map((one: Refund) => (
            <Table.Tr key={one.external_id}>
              <Table.Td style={{ overflowWrap: "anywhere" }}>
                <Text size="sm" fw={500} dir="auto">
                  {one.external_id}
                </Text>
                <Text size="xs" c="dimmed" dir="auto">
                  {one.reason}
                </Text>
              </Table.Td>
              <Table.Td>
                <Time at={one.refunded_at} />
              </Table.Td>
              <Table.Td ta="right">
                {one.amount === null || one.amount === undefined
                  ? t("orders.whole")
                  : sum(one.amount, order.currency ?? "")}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Panel>
  );
}

function Whose({ id }: { id: number }) {
  const { t } = useTranslation();
  const { data: person } = useQuery(contactQuery(id));
  return (
    <Panel title={t("facts.contact")}>
      <Anchor size="sm" dir="auto" renderRoot={(props) => <Link {...props} to={`/contacts/${id}` as "/"} />}>
        {person ? nameOf(person) : `#${id}`}
      </Anchor>
      <Anchor
        size="sm"
        display="block"
        mt={4}
        renderRoot={(props) => <Link {...props} to="/orders" search={{ contact: id, days: 0 }} />}
      >
        {t("orders.allOfContact")}
      </Anchor>
    </Panel>
  );
}

/** Which messages led to it, by which models. */
function LedBy({ number: external }: { number: string }) {
  const { t } = useTranslation();
  const may = useMay("read_campaigns");
  const isAsked = may && isInPath(external);
  const touches = useQuery({ ...touchesQuery(external), enabled: isAsked });
  const state = useQuery({ ...attributionStateQuery, enabled: isAsked });
  if (!isAsked) return null;
  if (touches.isError) return <Failed error={touches.error} retry={() => void touches.refetch()} />;
  const model = state.data?.settings.model;
  return (
    <Panel title={t("orders.ledBy")}>
      {touches.data?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("orders.ledByNone")}
        </Text>
      )}
      <Stack gap="sm">
        {touches.data?.map((one: Touch) => (
          <div key={one.message_id}>
            <SourceName source={one.source} id={one.source_id} name={one.name} />
            <Text size="sm" component="div">
              {t(one.is_click ? "orders.clicked" : "orders.opened")} <Time at={one.occurred_at} />
            </Text>
            {one.models.map((by) => (
              <Badge key={by} tt="none" mr={4} color={by === model ? "teal" : "gray"}>
                {t(`revenue.models.${by}`)}
              </Badge>
            ))}
          </div>
        ))}
      </Stack>
      <Anchor size="sm" mt="xs" display="block" renderRoot={(props) => <Link {...props} to="/revenue" />}>
        {t("orders.toRevenue")}
      </Anchor>
    </Panel>
  );
}

function Details({ order }: { order: Order }) {
  const { t } = useTranslation();
  const rows: [string, ReactNode][] = [
    [t("orders.changed"), order.changed_at && <Time at={order.changed_at} />],
    [t("orders.statusText"), order.status_description],
    [t("orders.source"), order.source],
    [t("orders.store"), order.store_id],
    [t("orders.delivery"), order.delivery_method],
    [t("orders.payment"), order.payment_method],
    [t("orders.address"), order.delivery_address],
    ...Object.entries(order.additional_info ?? {}).map(([name, value]): [string, ReactNode] => [
      name,
      shown(value),
    ]),
  ];
  const known = rows.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return (
    <Panel title={t("orders.details")}>
      <Stack gap={6}>
        {known.map(([name, value], index) => (
          <div key={index}>
            <Text size="xs" c="dimmed" dir="auto">
              {name}
            </Text>
            <Text size="sm" dir="auto" component="div" style={{ overflowWrap: "anywhere" }}>
              {value}
            </Text>
          </div>
        ))}
      </Stack>
    </Panel>
  );
}
