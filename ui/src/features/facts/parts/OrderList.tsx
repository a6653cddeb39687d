/** Orders that fit, and what they come to: both by the same filter. */
import { Anchor, Button, Group, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconReceipt, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ListedOrder } from "~/api/schema";
import { ContactPicker } from "~/ui/ContactPicker";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Failed } from "~/ui/Failed";
import { Figure } from "~/ui/Figure";
import { number, percent } from "~/ui/format";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { byCurrency, sum } from "../money";
import { ordersPage, totalsQuery, USUAL_DAYS } from "../queries";
import type { OrdersSearch } from "../searches";
import { Further, isStuck } from "./Further";
import { PeriodFilter } from "./PeriodFilter";
import { Person } from "./Person";
import { StatusBadge, statusName } from "./statuses";

export function OrderList({ search, put }: { search: OrdersSearch; put: (change: OrdersSearch) => void }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const { tab: _, ...asked } = search;
  const pages = usePages<ListedOrder>(["order", "list", asked], (cursor, signal) =>
    ordersPage(search, cursor, signal),
  );
  const columns = useColumns();
  const isFiltered = Object.values(asked).some((value) => value !== undefined);
  return (
    <Stack gap="sm">
      <Filters search={search} put={put} isFiltered={isFiltered} />
      <Totals search={search} />
      {(pages.rows.length > 0 || !isStuck(pages)) && (
        <DataTable
          label={t("nav.orders")}
          columns={columns}
          rows={pages.rows}
          rowKey={(one) => String(one.order_id)}
          loading={pages.loading}
          error={pages.error}
          retry={pages.retry}
          hasMore={pages.hasMore && !isStuck(pages)}
          loadingMore={pages.loadingMore}
          more={pages.more}
          open={(one) => void go({ to: "/orders/$number", params: { number: one.external_id } })}
          remember="orders"
          empty={
            isFiltered ? (
              <Empty
                icon={<IconSearch />}
                title={t("orders.noneFound")}
                action={
                  <Button variant="default" onClick={() => void go({ to: "/orders", search: { days: 0 } })}>
                    {t("orders.showAll")}
                  </Button>
                }
              >
                {t("orders.noneFoundNext")}
              </Empty>
            ) : (
              <Empty
                icon={<IconReceipt />}
                title={t("orders.none")}
                action={
                  <Button renderRoot={(props) => <Link {...props} to={"/integrations" as "/"} />}>
                    {t("orders.connect")}
                  </Button>
                }
              >
                {t("orders.noneNext")}
                <Anchor
                  display="block"
                  mx="auto"
                  mt={4}
                  component="button"
                  type="button"
                  size="sm"
                  onClick={() => void go({ to: "/orders", search: { days: 0 } })}
                >
                  {t("orders.showAll")}
                </Anchor>
              </Empty>
            )
          }
        />
      )}
      <Further pages={pages} />
    </Stack>
  );
}

function Filters({
  search,
  put,
  isFiltered,
}: {
  search: OrdersSearch;
  put: (change: OrdersSearch) => void;
  isFiltered: boolean;
}) {
  const { t } = useTranslation();
  // Statuses that there are, each with its count: of the same filter without the status.
  const { data: totals } = useQuery(totalsQuery({ ...search, status: undefined }));
  const counts = new Map<string, number>();
  for (const one of totals?.items ?? []) counts.set(one.status, (counts.get(one.status) ?? 0) + one.orders);
  if (search.status && !counts.has(search.status.toUpperCase())) counts.set(search.status.toUpperCase(), 0);
  const usual = search.number || search.contact ? 0 : USUAL_DAYS;
  return (
    <Group gap="xs" align="flex-end">
      <PeriodFilter span={search} usual={usual} onChange={put} />
      <Select
        label={t("orders.status")}
        placeholder={t("orders.anyStatus")}
        w={{ base: "100%", sm: 190 }}
        clearable
        clearButtonProps={{ "aria-label": t("orders.anyStatus") }}
        value={search.status?.toUpperCase() ?? null}
        data={[...counts].map(([status, count]) => ({
          value: status,
          label: `${statusName(t, status)} (${number(count)})`,
        }))}
        onChange={(status) => put({ status: status ?? undefined })}
      />
      <ContactPicker
        label={t("facts.contact")}
        w={220}
        clearable
        value={search.contact}
        onChange={(contact) => put({ contact })}
      />
      <Written
        label={t("orders.number")}
        width={150}
        value={search.number}
        onChange={(written) => put({ number: written })}
      />
      <Written
        label={t("orders.least")}
        width={110}
        isAmount
        value={search.least}
        onChange={(least) => put({ least })}
      />
      <Written
        label={t("orders.most")}
        width={110}
        isAmount
        value={search.most}
        onChange={(most) => put({ most })}
      />
      {isFiltered && (
        <Button
          variant="subtle"
          onClick={() =>
            put({
              days: undefined,
              since: undefined,
              until: undefined,
              status: undefined,
              contact: undefined,
              number: undefined,
              least: undefined,
              most: undefined,
              source: undefined,
            })
          }
        >
          {t("facts.clear")}
        </Button>
      )}
    </Group>
  );
}

/** A field that takes effect a moment after it was typed in. */
function Written({
  label,
  width,
  isAmount = false,
  value,
  onChange,
}: {
  label: string;
  width: number;
  isAmount?: boolean;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState(value ?? "");
  const [settled] = useDebouncedValue(isAmount ? typed.trim().replace(",", ".") : typed.trim(), 300);
  const isWrong = isAmount && settled !== "" && !/^\d{1,12}(\.\d{1,2})?$/.test(settled);
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once what was typed, not when the page draws anew
  useEffect(() => {
    if (!isWrong && settled !== (value ?? "")) onChange(settled || undefined);
  }, [settled]);
  useEffect(() => {
    if (value === undefined) setTyped("");
  }, [value]);
  return (
    <TextInput
      label={label}
      inputMode={isAmount ? "decimal" : undefined}
      w={{ base: "100%", sm: width }}
      value={typed}
      error={isWrong ? t("orders.noAmount") : undefined}
      onChange={(event) => setTyped(event.currentTarget.value)}
    />
  );
}

function Totals({ search }: { search: OrdersSearch }) {
  const { t } = useTranslation();
  const totals = useQuery(totalsQuery(search));
  if (totals.isError && !totals.data)
    return <Failed error={totals.error} retry={() => void totals.refetch()} />;
  const items = totals.data?.items ?? [];
  // What was cancelled or left in a cart is no revenue, unless it is what one looks at.
  const sales = items.filter((one) => one.is_sale);
  const looked = byCurrency(sales.length > 0 ? sales : items);
  const others = sales.length > 0 ? items.filter((one) => !one.is_sale) : [];
  return (
    <Stack gap="xs">
      {looked.map((one) => (
        <SimpleGrid key={one.currency} cols={{ base: 1, xs: 2, md: 4 }}>
          <Figure
            label={t("orders.sold")}
            hint={t(sales.length > 0 ? "orders.soldHint" : "orders.notSoldHint")}
            value={number(one.orders)}
            rate={looked.length > 1 ? one.currency || t("orders.noCurrency") : undefined}
          />
          <Figure
            label={t("orders.gross")}
            hint={t("orders.grossHint")}
            value={sum(one.gross, one.currency)}
          />
          <Figure
            label={t("orders.refunded")}
            value={sum(one.refunded, one.currency)}
            rate={one.gross > 0 ? percent(one.refunded / one.gross) : undefined}
          />
          <Figure
            label={t("orders.net")}
            hint={t("orders.netHint")}
            value={sum(one.net, one.currency)}
            below={
              one.orders > 0 && (
                <Text size="xs" c="dimmed">
                  {t("orders.each", { sum: sum(one.net / one.orders, one.currency) })}
                </Text>
              )
            }
          />
        </SimpleGrid>
      ))}
      {(others.length > 0 || totals.data?.is_exact === false) && (
        <Text size="xs" c="dimmed">
          {others.length > 0 &&
            t("orders.notSold", {
              list: others
                .map(
                  (one) =>
                    `${statusName(t, one.status)} ${number(one.orders)} (${sum(one.gross, one.currency)})`,
                )
                .join(", "),
            })}{" "}
          {totals.data?.is_exact === false && t("orders.notExact")}
        </Text>
      )}
    </Stack>
  );
}

function useColumns(): Column<ListedOrder>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: "number",
        header: t("orders.number"),
        width: "1.2fr",
        cell: (one) => (
          <Anchor
            fw={500}
            size="sm"
            dir="auto"
            renderRoot={(props) => (
              <Link {...props} to="/orders/$number" params={{ number: one.external_id }} />
            )}
          >
            {one.external_id}
          </Anchor>
        ),
      },
      { id: "when", header: t("orders.made"), width: "190px", cell: (one) => <Time at={one.ordered_at} /> },
      { id: "contact", header: t("facts.contact"), width: "1.6fr", cell: (one) => <Person of={one} /> },
      {
        id: "status",
        header: t("orders.status"),
        width: "160px",
        cell: (one) => <StatusBadge status={one.status} />,
      },
      {
        id: "items",
        header: t("orders.lines"),
        width: "90px",
        numeric: true,
        cell: (one) => number(one.items),
      },
      {
        id: "total",
        header: t("orders.total"),
        width: "130px",
        numeric: true,
        cell: (one) => sum(one.total, one.currency),
      },
      {
        id: "refunded",
        header: t("orders.refunded"),
        width: "130px",
        numeric: true,
        cell: (one) => (Number(one.refunded) > 0 ? sum(one.refunded, one.currency) : "–"),
      },
      {
        id: "source",
        header: t("orders.source"),
        width: "120px",
        hidden: true,
        cell: (one) => one.source || "–",
      },
      {
        id: "changed",
        header: t("orders.changed"),
        width: "160px",
        hidden: true,
        cell: (one) => <Time at={one.changed_at} relative />,
      },
    ],
    [t],
  );
}
