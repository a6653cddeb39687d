/** What the pages of facts ask the server. Events and orders come all the time; of the kinds here the live stream names
 *  workflows, product feeds and the account. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, ask } from "~/api/client";
import { momentsOf, type Span, utcDaysOf } from "./period";
import type { EventSearch, Model, OrdersSearch, ProductsSearch } from "./searches";

/** Rows of one answer. */
const MANY = 100;
/** Lists that come whole: an account has few of them. */
const ALL = 1000;
export const USUAL_DAYS = 30;

// ---------------------------------------------------------------- events

export const figuresQuery = (days: number) =>
  queryOptions({
    queryKey: ["event", "figures", days],
    queryFn: async () =>
      (await ask(api.GET("/syncom/v1/event-types/figures", { params: { query: { days } } }))).items,
    placeholderData: keepPreviousData,
  });

export const parametersQuery = (id: number) =>
  queryOptions({
    queryKey: ["event", id, "parameters"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/event-types/{event_type_id}/parameters", {
            params: { path: { event_type_id: id } },
          }),
        )
      ).items,
  });

export function eventsPage(id: number, search: EventSearch, cursor: string | undefined, signal: AbortSignal) {
  const parameter = search.value === undefined ? undefined : search.parameter;
  return ask(
    api.GET("/syncom/v1/event-types/{event_type_id}/events", {
      params: {
        path: { event_type_id: id },
        query: {
          ...momentsOf(search, 0),
          contact: search.contact,
          parameter,
          value: parameter && search.value,
          limit: MANY,
          cursor,
        },
      },
      signal,
    }),
  );
}

export const replaysQuery = queryOptions({
  queryKey: ["event", "replays"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/event-replays"))).items,
  refetchInterval: (query) => (query.state.data?.some((one) => one.status === "running") ? 1000 : false),
});

export const sitesQuery = queryOptions({
  queryKey: ["site", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/sites"))).items,
});

// ---------------------------------------------------------------- orders

function chosen(search: OrdersSearch) {
  return {
    // Orders that are looked for by what names them are of any time, unless one is said.
    ...momentsOf(search, search.number || search.contact ? 0 : USUAL_DAYS),
    status: search.status,
    number: search.number,
    contact: search.contact,
    least: search.least,
    most: search.most,
    source: search.source,
  };
}

export function ordersPage(search: OrdersSearch, cursor: string | undefined, signal: AbortSignal) {
  return ask(
    api.GET("/syncom/v1/orders", { params: { query: { ...chosen(search), limit: MANY, cursor } }, signal }),
  );
}

export const totalsQuery = (search: OrdersSearch) =>
  queryOptions({
    queryKey: ["order", "totals", { ...search, tab: undefined }],
    queryFn: ({ signal }) =>
      ask(api.GET("/syncom/v1/order-totals", { params: { query: chosen(search) }, signal })),
    placeholderData: keepPreviousData,
  });

export const orderQuery = (number: string) =>
  queryOptions({
    queryKey: ["order", number],
    queryFn: () => (isInPath(number) ? order(number) : orderOfContact(number)),
  });

function order(number: string) {
  return ask(api.GET("/syncom/v1/orders/{external_id}", { params: { path: { external_id: number } } }));
}

/** Servers take a slash in a path for one between its pieces, however it is written: such a number is looked up. */
export function isInPath(number: string): boolean {
  return !number.includes("/");
}

async function orderOfContact(number: string) {
  const listed = await ask(api.GET("/syncom/v1/orders", { params: { query: { number } } }));
  const contact_id = listed.items[0]?.contact_id;
  if (contact_id === undefined) return order(number);
  const orders = await ask(
    api.GET("/syncom/v1/contacts/{contact_id}/orders", {
      params: { path: { contact_id }, query: { limit: ALL } },
    }),
  );
  return orders.items.find((one) => one.external_id === number) ?? order(number);
}

export const refundsQuery = (number: string) =>
  queryOptions({
    queryKey: ["order", number, "refunds"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/orders/{external_id}/refunds", { params: { path: { external_id: number } } }),
        )
      ).items,
  });

export const touchesQuery = (number: string) =>
  queryOptions({
    queryKey: ["order", number, "touches"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/orders/{external_id}/attribution", {
            params: { path: { external_id: number } },
          }),
        )
      ).items,
  });

export const cartSettingsQuery = queryOptions({
  queryKey: ["cart", "settings"],
  queryFn: () => ask(api.GET("/syncom/v1/carts/settings")),
});

export const cartFiguresQuery = (span: Span) =>
  queryOptions({
    queryKey: ["cart", "figures", span],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/carts/figures", { params: { query: bounded(utcDaysOf(span, USUAL_DAYS)) } }),
        )
      ).items,
    placeholderData: keepPreviousData,
  });

/** The server counts days of a year at most; without a first day those of a year. */
function bounded(days: { since?: string; until?: string }) {
  return days.since ? days : { ...utcDaysOf({ days: 365 }, 365), until: days.until };
}

// ---------------------------------------------------------------- revenue

export const attributionStateQuery = queryOptions({
  queryKey: ["attribution", "settings"],
  queryFn: () => ask(api.GET("/syncom/v1/attribution/settings")),
  refetchInterval: (query) => (query.state.data?.is_settled === false ? 2000 : false),
});

export const attributionQuery = (span: Span) =>
  queryOptions({
    queryKey: ["attribution", "sources", span],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/attribution", {
            params: { query: { ...utcDaysOf(span, USUAL_DAYS), all_models: true } },
          }),
        )
      ).items,
    placeholderData: keepPreviousData,
  });

export const attributionDaysQuery = (span: Span, model: Model) =>
  queryOptions({
    queryKey: ["attribution", "days", span, model],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/attribution/days", {
            params: { query: { ...utcDaysOf(span, USUAL_DAYS), model } },
          }),
        )
      ).items,
    placeholderData: keepPreviousData,
  });

/** What all orders of these days (UTC) came to, whatever led to them. */
export const salesQuery = (span: Span) =>
  queryOptions({
    queryKey: ["order", "sales", span],
    queryFn: () => {
      const { since, until } = utcDaysOf(span, USUAL_DAYS);
      const end = until && new Date(Date.parse(until) + 86_400_000).toISOString();
      return ask(
        api.GET("/syncom/v1/order-totals", {
          params: { query: { since: since && `${since}T00:00:00Z`, until: end } },
        }),
      );
    },
    placeholderData: keepPreviousData,
  });

// ---------------------------------------------------------------- products

export function productsPage(search: ProductsSearch, cursor: string | undefined, signal: AbortSignal) {
  return ask(
    api.GET("/syncom/v1/products", {
      params: {
        query: {
          search: search.search,
          category: search.category,
          available: search.available,
          limit: MANY,
          cursor,
        },
      },
      signal,
    }),
  );
}

export const productQuery = (id: string, language: string | undefined) =>
  queryOptions({
    queryKey: ["product", id, language],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/products/{product_id}", {
          params: { path: { product_id: id }, query: { language } },
        }),
      ),
  });

export const productCategoriesQuery = queryOptions({
  queryKey: ["product", "categories"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/product-categories"))).items,
});

export const feedsQuery = queryOptions({
  queryKey: ["product-feed", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/product-feeds"))).items,
});
