import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Product } from "~/api/schema";
import { sum } from "../money";

/** What it costs now, and what it cost before where that is less. */
export function Price({ of }: { of: Product }) {
  const { t } = useTranslation();
  const { price, sale_price: sale } = of;
  const isOnSale =
    sale !== null &&
    sale !== undefined &&
    (!of.sale_from || Date.parse(of.sale_from) <= Date.now()) &&
    (!of.sale_until || Date.parse(of.sale_until) >= Date.now());
  const now = isOnSale ? sale : price;
  if (now === null || now === undefined) return <>–</>;
  const isCheaper = isOnSale && price !== null && price !== undefined && Number(sale) < Number(price);
  return (
    <>
      {sum(now, of.currency ?? "")}
      {isCheaper && (
        <Text span size="xs" c="dimmed" td="line-through" ml={6} title={t("products.before")}>
          {sum(price, of.currency ?? "")}
        </Text>
      )}
    </>
  );
}
