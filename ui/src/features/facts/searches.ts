/** What of a page stands in its address. Anything else that is written there is left out. */
import type { Span } from "./period";

export const EVENT_TABS = ["stream", "parameters", "send", "replay"] as const;
export const ORDER_TABS = ["orders", "carts"] as const;
export const PRODUCT_TABS = ["products", "feeds"] as const;
export const MODELS = ["last_click", "last_open", "last_click_then_open"] as const;
export const SOURCES = ["campaign", "workflow", "single"] as const;

export type Model = (typeof MODELS)[number];
export type Source = (typeof SOURCES)[number];
export type TypesSearch = { search?: string; days?: number };
export type EventSearch = Span & {
  tab?: (typeof EVENT_TABS)[number];
  contact?: number;
  parameter?: string;
  value?: string;
};
export type SendSearch = { type?: string };
export type OrdersSearch = Span & {
  tab?: (typeof ORDER_TABS)[number];
  status?: string;
  number?: string;
  contact?: number;
  least?: string;
  most?: string;
  source?: string;
};
export type RevenueSearch = Span & { model?: Model; source?: Source; currency?: string };
export type ProductsSearch = {
  tab?: (typeof PRODUCT_TABS)[number];
  search?: string;
  category?: string;
  available?: true;
};
export type ProductSearch = { language?: string };

export function typesSearch(given: Record<string, unknown>): TypesSearch {
  return { search: text(given.search), days: days(given.days) };
}

export function eventSearch(given: Record<string, unknown>): EventSearch {
  return {
    ...span(given),
    tab: oneOf(EVENT_TABS, given.tab),
    contact: count(given.contact),
    parameter: text(given.parameter),
    value: text(given.value),
  };
}

export function sendSearch(given: Record<string, unknown>): SendSearch {
  return { type: text(given.type) };
}

export function ordersSearch(given: Record<string, unknown>): OrdersSearch {
  return {
    ...span(given),
    tab: oneOf(ORDER_TABS, given.tab),
    status: text(given.status),
    number: text(given.number),
    contact: count(given.contact),
    least: amount(given.least),
    most: amount(given.most),
    source: text(given.source),
  };
}

export function revenueSearch(given: Record<string, unknown>): RevenueSearch {
  return {
    ...span(given),
    model: oneOf(MODELS, given.model),
    source: oneOf(SOURCES, given.source),
    currency: text(given.currency),
  };
}

export function productsSearch(given: Record<string, unknown>): ProductsSearch {
  return {
    tab: oneOf(PRODUCT_TABS, given.tab),
    search: text(given.search),
    category: text(given.category),
    available: given.available === true ? true : undefined,
  };
}

export function productSearch(given: Record<string, unknown>): ProductSearch {
  return { language: text(given.language) };
}

function span(given: Record<string, unknown>): Span {
  return { days: days(given.days), since: day(given.since), until: day(given.until) };
}

function oneOf<Name extends string>(names: readonly Name[], given: unknown): Name | undefined {
  return names.find((name) => name === given);
}

/** The router reads what looks like a number as one. */
function text(given: unknown): string | undefined {
  if (typeof given === "number") return String(given);
  return typeof given === "string" && given !== "" ? given.slice(0, 1000) : undefined;
}

function count(given: unknown): number | undefined {
  return typeof given === "number" && Number.isSafeInteger(given) && given > 0 ? given : undefined;
}

function days(given: unknown): number | undefined {
  return typeof given === "number" && Number.isInteger(given) && given >= 0 && given <= 366
    ? given
    : undefined;
}

function amount(given: unknown): string | undefined {
  const written = text(given);
  return written !== undefined && /^\d{1,12}(\.\d{1,2})?$/.test(written) ? written : undefined;
}

function day(given: unknown): string | undefined {
  return typeof given === "string" && /^\d{4}-\d{2}-\d{2}$/.test(given) && !Number.isNaN(Date.parse(given))
    ? given
    : undefined;
}
