/** Orders and carts of a contact. */
import { Badge, Group, Paper, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Failed } from "~/ui/Failed";
import { number } from "~/ui/format";
import { Time } from "~/ui/Time";
import { cartsQuery, ordersQuery } from "../queries";
import { word } from "./names";
import { sum } from "./Standing";

export function Orders({ id }: { id: number }) {
  const { t } = useTranslation();
  const orders = useQuery(ordersQuery(id));
  if (orders.error) return <Failed error={orders.error} retry={() => void orders.refetch()} />;
  if (orders.data?.length === 0) return <Nothing text={t("contacts.noOrders")} />;
  return (
    <Stack gap="sm">
      {orders.data?.map((one) => (
        <Paper key={one.order_id} withBorder p="sm">
          <Group justify="space-between">
            <Text size="sm" fw={600} component="div">
              <bdi>{one.external_id}</bdi>{" "}
              <Badge tt="none" color="gray">
                {word(t, "orderStates", one.status.toLowerCase())}
              </Badge>
            </Text>
            <Text size="sm" fw={600}>
              {sum(one.total, one.currency ?? "")}
            </Text>
          </Group>
          <Text size="xs" c="dimmed" component="div">
            <Time at={one.ordered_at} />
            {Number(one.refunded) > 0 &&
              ` · ${t("contacts.refunded", { sum: sum(one.refunded, one.currency ?? "") })}`}
          </Text>
          <Items items={one.items ?? []} currency={one.currency ?? ""} />
        </Paper>
      ))}
    </Stack>
  );
}

export function Carts({ id }: { id: number }) {
  const { t } = useTranslation();
  const carts = useQuery(cartsQuery(id));
  if (carts.error) return <Failed error={carts.error} retry={() => void carts.refetch()} />;
  if (carts.data?.length === 0) return <Nothing text={t("contacts.noCarts")} />;
  return (
    <Stack gap="sm">
      {carts.data?.map((one) => (
        <Paper key={one.cart} withBorder p="sm">
          <Group justify="space-between">
            <Badge tt="none" color={one.ordered_at ? "teal" : one.is_told ? "yellow" : "gray"} autoContrast>
              {one.ordered_at
                ? t("contacts.cartOrdered")
                : one.items.length === 0
                  ? t("contacts.cartEmpty")
                  : one.is_told
                    ? t("contacts.cartAbandoned")
                    : t("contacts.cartOpen")}
            </Badge>
            <Text size="sm" fw={600}>
              {sum(one.value, one.currency)}
            </Text>
          </Group>
          <Text size="xs" c="dimmed" component="div">
            <Time at={one.changed_at} />
          </Text>
          <Items items={one.items} currency={one.currency} />
        </Paper>
      ))}
    </Stack>
  );
}

type Item = {
  name?: string;
  external_id?: string;
  quantity?: string | number;
  price?: string | number | null;
};

function Items({ items, currency }: { items: readonly Item[]; currency: string }) {
  return items.map((item, index) => (
    <Group key={index} justify="space-between" wrap="nowrap" gap="sm">
      <Text size="sm" dir="auto" truncate>
        {item.name || item.external_id}
      </Text>
      <Text size="sm" style={{ whiteSpace: "nowrap" }}>
        {number(Number(item.quantity ?? 1))} × {item.price == null ? "–" : sum(item.price, currency)}
      </Text>
    </Group>
  ));
}

function Nothing({ text }: { text: string }) {
  return (
    <Text size="sm" c="dimmed">
      {text}
    </Text>
  );
}
