import { Badge } from "@mantine/core";
import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";

export const KNOWN = [
  "ABANDONED_SHOPPING_CART",
  "INITIALIZED",
  "IN_PROGRESS",
  "DELIVERED",
  "CANCELLED",
] as const;
const COLORS = {
  ABANDONED_SHOPPING_CART: "yellow",
  INITIALIZED: "blue",
  IN_PROGRESS: "blue",
  DELIVERED: "teal",
  CANCELLED: "gray",
} as const;

/** The word for a status; one of the shop's own as it is. */
export function statusName(t: TFunction, status: string): string {
  const known = KNOWN.find((one) => one === status.toUpperCase());
  return known ? t(`orders.statuses.${known}`) : status;
}

export function StatusBadge({ status }: { status: string }) {
  const { t } = useTranslation();
  const known = KNOWN.find((one) => one === status.toUpperCase());
  return (
    <Badge tt="none" color={known ? COLORS[known] : "gray"} maw="100%">
      {statusName(t, status)}
    </Badge>
  );
}
