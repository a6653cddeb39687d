import { Anchor, Button, Paper, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { IconExternalLink, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { Product } from "~/api/schema";
import { useMay } from "~/api/session";
import { confirm } from "~/ui/confirm";
import { Failed } from "~/ui/Failed";
import { Page } from "~/ui/Page";
import { Time } from "~/ui/Time";
import { useAct } from "../act";
import { sum } from "../money";
import { StockBadge } from "../parts/Catalogue";
import { Price } from "../parts/Price";
import { feedsQuery, productQuery } from "../queries";

export function ProductPage() {
  const { t } = useTranslation();
  const { id } = useParams({ from: "/products/$id" });
  const { language } = useSearch({ from: "/products/$id" });
  const go = useNavigate();
  const may = useMay("write_content");
  const product = useQuery(productQuery(id, language));
  const remove = useAct(
    () => ask(api.DELETE("/syncom/v1/products/{product_id}", { params: { path: { product_id: id } } })),
    {
      renews: [
        ["product", "list"],
        ["product", "categories"],
      ],
      done: t("products.deleted"),
      onDone: () => void go({ to: "/products" }),
    },
  );
  const crumbs = [{ label: t("nav.products"), to: "/products" as const }];
  const found = product.data;
  if (!found)
    return (
      <Page title={id} crumbs={crumbs}>
        {product.isError ? (
          <Failed error={product.error} retry={() => void product.refetch()} />
        ) : (
          <Skeleton height={320} />
        )}
      </Page>
    );
  return (
    <Page
      title={found.name}
      crumbs={crumbs}
      soft={<bdi>{found.product_id}</bdi>}
      actions={
        <>
          {isWebAddress(found.url) && (
            <Button
              variant="default"
              component="a"
              href={found.url}
              target="_blank"
              rel="noreferrer"
              leftSection={<IconExternalLink size={18} aria-hidden />}
            >
              {t("products.inShop")}
            </Button>
          )}
          {may && (
            <Button
              variant="default"
              leftSection={<IconTrash size={18} aria-hidden />}
              onClick={() =>
                confirm({
                  title: t("products.deleteAsk"),
                  text: t(found.feed_id === null ? "products.deleteText" : "products.deleteFeedText"),
                  act: t("products.deleteAct"),
                  onYes: () => remove.mutate(),
                })
              }
            >
              {t("common.delete")}
            </Button>
          )}
        </>
      }
    >
      <Facts product={found} />
      {found.description && (
        <Paper withBorder p="md">
          <Title order={2} size="h3" mb="xs">
            {t("products.description")}
          </Title>
          <Text size="sm" dir="auto" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {found.description}
          </Text>
        </Paper>
      )}
    </Page>
  );
}

function Facts({ product }: { product: Product }) {
  const { t } = useTranslation();
  const mayFeeds = useMay("read_settings");
  const { data: feeds } = useQuery({ ...feedsQuery, enabled: mayFeeds && product.feed_id !== null });
  const feed = feeds?.find((one) => one.feed_id === product.feed_id);
  const path = product.categories ?? [];
  const origin =
    product.feed_id === null ? (
      t("products.program")
    ) : (
      <Anchor size="sm" renderRoot={(props) => <Link {...props} to="/products" search={{ tab: "feeds" }} />}>
        <bdi>{feed?.name ?? `#${product.feed_id}`}</bdi>
      </Anchor>
    );
  const rows: [string, ReactNode][] = [
    [t("products.price"), <Price key="price" of={product} />],
    [
      t("products.sale"),
      product.sale_price !== null && product.sale_price !== undefined && (
        <>
          {sum(product.sale_price, product.currency ?? "")}
          {product.sale_from && (
            <>
              {" · "}
              {t("products.from")} <Time at={product.sale_from} />
            </>
          )}
          {product.sale_until && (
            <>
              {" · "}
              {t("products.until")} <Time at={product.sale_until} />
            </>
          )}
        </>
      ),
    ],
    [t("products.availability"), <StockBadge key="stock" of={product} />],
    [
      t("products.category"),
      path.length > 0 && (
        <Anchor
          size="sm"
          renderRoot={(props) => <Link {...props} to="/products" search={{ category: path.join(" > ") }} />}
        >
          <bdi>{path.join(" › ")}</bdi>
        </Anchor>
      ),
    ],
    [t("products.brand"), product.brand],
    [t("products.language"), product.language],
    [t("products.group"), product.group_id],
    [t("products.picture"), address(product.image_url)],
    [
      t("products.pictures"),
      (product.images ?? []).length > 0 && (
        <Stack gap={2}>
          {(product.images ?? []).map((one) => (
            <span key={one}>{address(one)}</span>
          ))}
        </Stack>
      ),
    ],
    ...Object.entries(product.attributes ?? {}),
    [t("products.cameFrom"), origin],
    [t("products.added"), <Time key="added" at={product.added_at} />],
    [t("products.changed"), <Time key="changed" at={product.changed_at} />],
  ];
  return (
    <Paper withBorder p="md">
      <Table variant="vertical" withRowBorders={false}>
        <Table.Tbody>
          {rows
            .filter(([, value]) => value !== "" && value !== false && value !== undefined)
            .map(([name, value], index) => (
              <Table.Tr key={index}>
                <Table.Th scope="row" w={{ base: 120, sm: 200 }} style={{ overflowWrap: "anywhere" }}>
                  <Text size="sm" c="dimmed" dir="auto">
                    {name}
                  </Text>
                </Table.Th>
                <Table.Td>
                  <Text size="sm" component="div" dir="auto" style={{ overflowWrap: "anywhere" }}>
                    {value}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}

/** Pictures of shops are not shown here: the application loads nothing from elsewhere. */
function address(url: string | undefined): ReactNode {
  if (!isWebAddress(url)) return url;
  return (
    <Anchor size="sm" href={url} target="_blank" rel="noreferrer" style={{ overflowWrap: "anywhere" }}>
      {url}
    </Anchor>
  );
}

function isWebAddress(url: string | undefined): url is string {
  return url !== undefined && /^https?:\/\//i.test(url);
}
