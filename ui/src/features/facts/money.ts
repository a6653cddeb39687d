/** Sums of money as people read them. Amounts of different currencies are never added. */
import { money, number } from "~/ui/format";

/** The shop may say no currency, or one that is none. */
export function sum(amount: string | number, currency: string): string {
  try {
    return currency ? money(amount, currency) : number(Number(amount), { maximumFractionDigits: 2 });
  } catch {
    return `${number(Number(amount))} ${currency}`;
  }
}

export type Sums = { currency: string; orders: number; gross: number; refunded: number; net: number };

type Row = {
  currency: string;
  orders: number;
  gross: string | number;
  refunded: string | number;
  net: string | number;
};

/** Rows added up by currency, the one with most orders first. */
export function byCurrency(rows: readonly Row[]): Sums[] {
  const found = new Map<string, Sums>();
  for (const row of rows) {
    const known = found.get(row.currency) ?? {
      currency: row.currency,
      orders: 0,
      gross: 0,
      refunded: 0,
      net: 0,
    };
    known.orders += row.orders;
    known.gross += Number(row.gross);
    known.refunded += Number(row.refunded);
    known.net += Number(row.net);
    found.set(row.currency, known);
  }
  return [...found.values()].sort((a, b) => b.orders - a.orders || a.currency.localeCompare(b.currency));
}
