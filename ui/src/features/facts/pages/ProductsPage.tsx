import { Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMay } from "~/api/session";
import { Page } from "~/ui/Page";
import { Catalogue } from "../parts/Catalogue";
import { Feeds } from "../parts/Feeds";

export function ProductsPage() {
  const { t } = useTranslation();
  const search = useSearch({ from: "/products" });
  const go = useNavigate();
  const mayFeeds = useMay("read_settings");
  return (
    <Page title={t("nav.products")} soft={t("products.soft")}>
      <Tabs
        value={search.tab ?? "products"}
        onChange={(tab) =>
          void go({ to: "/products", search: tab === "feeds" ? { tab } : {}, replace: true })
        }
        keepMounted={false}
      >
        {mayFeeds && (
          <Tabs.List mb="md">
            <Tabs.Tab value="products">{t("products.tabs.products")}</Tabs.Tab>
            <Tabs.Tab value="feeds">{t("products.tabs.feeds")}</Tabs.Tab>
          </Tabs.List>
        )}
        <Tabs.Panel value="products">
          <Catalogue search={search} />
        </Tabs.Panel>
        <Tabs.Panel value="feeds">{mayFeeds && <Feeds />}</Tabs.Panel>
      </Tabs>
    </Page>
  );
}
