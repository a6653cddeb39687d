/** What the shop sells. */
import { Anchor, Badge, Button, Group, Select, Stack, Switch } from "@mantine/core";
import { IconSearch, IconShoppingBag } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Product } from "~/api/schema";
import { useMay } from "~/api/session";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Finder } from "~/ui/Finder";
import { number } from "~/ui/format";
import { usePages } from "~/ui/pages";
import { Time } from "~/ui/Time";
import { productCategoriesQuery, productsPage } from "../queries";
import type { ProductsSearch } from "../searches";
import { Price } from "./Price";

const COLORS = { in_stock: "teal", out_of_stock: "gray", preorder: "blue", backorder: "yellow" } as const;

export function Catalogue({ search }: { search: ProductsSearch }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const mayFeeds = useMay("manage_settings");
  const put = (change: ProductsSearch) =>
    void go({ to: "/products", search: { ...search, ...change }, replace: true });
  const { tab: _, ...asked } = search;
  const pages = usePages<Product>(["product", "list", asked], (cursor, signal) =>
    productsPage(search, cursor, signal),
  );
  const categories = useQuery(productCategoriesQuery);
  const columns = useColumns();
  const isFiltered = Object.values(asked).some((value) => value !== undefined);
  const paths = (categories.data ?? []).map((one) => ({
    value: one.path.join(" > "),
    label: `${one.path.join(" › ")} (${number(one.products)})`,
  }));
  if (search.category && !paths.some((one) => one.value === search.category))
    paths.unshift({ value: search.category, label: search.category });
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <Finder
          label={t("products.find")}
          value={search.search ?? ""}
          onChange={(words) => put({ search: words || undefined })}
        />
        <Select
          aria-label={t("products.category")}
          placeholder={t("products.anyCategory")}
          w={{ base: "100%", sm: 280 }}
          searchable
          clearable
          clearButtonProps={{ "aria-label": t("products.anyCategory") }}
          nothingFoundMessage={t("conditions.nothing")}
          data={paths}
          value={search.category ?? null}
          onChange={(category) => put({ category: category ?? undefined })}
        />
        <Switch
          label={t("products.onlyAvailable")}
          checked={search.available === true}
          onChange={(event) => put({ available: event.currentTarget.checked || undefined })}
        />
      </Group>
      <DataTable
        label={t("nav.products")}
        columns={columns}
        rows={pages.rows}
        rowKey={(one) => `${one.product_id} ${one.language}`}
        loading={pages.loading}
        error={pages.error}
        retry={pages.retry}
        hasMore={pages.hasMore}
        loadingMore={pages.loadingMore}
        more={pages.more}
        open={(one) => void go({ to: "/products/$id", ...toProduct(one) })}
        remember="products"
        empty={
          isFiltered ? (
            <Empty icon={<IconSearch />} title={t("products.noneFound")}>
              {t("products.noneFoundNext")}
            </Empty>
          ) : (
            <Empty
              icon={<IconShoppingBag />}
              title={t("products.none")}
              action={
                mayFeeds && (
                  <Button onClick={() => void go({ to: "/products", search: { tab: "feeds" } })}>
                    {t("products.toFeeds")}
                  </Button>
                )
              }
            >
              {t("products.noneNext")}
            </Empty>
          )
        }
      />
    </Stack>
  );
}

function toProduct(product: Product) {
  return { params: { id: product.product_id }, search: { language: product.language || undefined } };
}

export function StockBadge({ of }: { of: Product }) {
  const { t } = useTranslation();
  const stock = of.availability ?? "in_stock";
  return (
    <Badge tt="none" color={COLORS[stock]}>
      {t(`products.stock.${stock}`)}
    </Badge>
  );
}

function useColumns(): Column<Product>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: "name",
        header: t("common.name"),
        width: "2.4fr",
        cell: (one) => (
          <Anchor
            fw={500}
            size="sm"
            dir="auto"
            renderRoot={(props) => <Link {...props} to="/products/$id" {...toProduct(one)} />}
          >
            {one.name}
          </Anchor>
        ),
      },
      { id: "id", header: t("products.id"), width: "1fr", cell: (one) => <bdi>{one.product_id}</bdi> },
      {
        id: "category",
        header: t("products.category"),
        width: "1.4fr",
        cell: (one) => <bdi>{(one.categories ?? []).join(" › ") || "–"}</bdi>,
      },
      {
        id: "price",
        header: t("products.price"),
        width: "170px",
        numeric: true,
        cell: (one) => <Price of={one} />,
      },
      {
        id: "stock",
        header: t("products.availability"),
        width: "140px",
        cell: (one) => <StockBadge of={one} />,
      },
      {
        id: "language",
        header: t("products.language"),
        width: "110px",
        hidden: true,
        cell: (one) => one.language || "–",
      },
      {
        id: "brand",
        header: t("products.brand"),
        width: "1fr",
        hidden: true,
        cell: (one) => one.brand || "–",
      },
      {
        id: "changed",
        header: t("products.changed"),
        width: "150px",
        cell: (one) => <Time at={one.changed_at} relative />,
      },
    ],
    [t],
  );
}
