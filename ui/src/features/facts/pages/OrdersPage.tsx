import { Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMay } from "~/api/session";
import { Page } from "~/ui/Page";
import { Carts } from "../parts/Carts";
import { OrderList } from "../parts/OrderList";
import type { OrdersSearch } from "../searches";

export function OrdersPage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/orders" });
  const go = useNavigate();
  const mayCarts = useMay("read_campaigns");
  const put = (change: OrdersSearch) =>
    void go({ to: "/orders", search: { ...search, ...change }, replace: true });
  return (
    <Page title={t("nav.orders")}>
      <Tabs
        value={search.tab ?? "orders"}
        onChange={(tab) => void go({ to: "/orders", search: tab === "carts" ? { tab } : {}, replace: true })}
        keepMounted={false}
      >
        {mayCarts && (
          <Tabs.List mb="md">
            <Tabs.Tab value="orders">{t("orders.tabs.orders")}</Tabs.Tab>
            <Tabs.Tab value="carts">{t("orders.tabs.carts")}</Tabs.Tab>
          </Tabs.List>
        )}
        <Tabs.Panel value="orders">
          <OrderList search={search} put={put} />
        </Tabs.Panel>
        <Tabs.Panel value="carts">{mayCarts && <Carts search={search} put={put} />}</Tabs.Panel>
      </Tabs>
    </Page>
  );
}
