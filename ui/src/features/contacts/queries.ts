/** What the pages of contacts ask the server. */
import { keepPreviousData, type QueryClient, queryOptions } from "@tanstack/react-query";
import { api, ask } from "~/api/client";
import type { BulkInput, ContactsPerson as Person, TableQuestion, TimelineEntry } from "~/api/schema";
import type { Condition } from "./condition";
import type { Kind } from "./searches";

export type { Person };

/** Lists, segments and fields come whole: an account has few of them. */
const MANY = 1000;
const ROWS = 100;

export type Question = Pick<TableQuestion, "condition" | "search" | "order">;

export function contactsPage(question: Question, cursor: string | undefined, signal: AbortSignal) {
  return ask(
    api.POST("/syncom/v1/contacts/table", {
      params: { query: { limit: ROWS, cursor } },
      body: question,
      signal,
    }),
  );
}

/** How many there are. Apart from the rows, which come sooner without it. */
export const totalQuery = (question: Question) =>
  queryOptions({
    queryKey: ["contact", "total", question.condition, question.search],
    queryFn: ({ signal }) =>
      ask(
        api.POST("/syncom/v1/contacts/table", {
          params: { query: { limit: 1 } },
          body: { ...question, fields: [], total: true },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const sentenceQuery = (condition: Condition | undefined) =>
  queryOptions({
    queryKey: ["segment", "sentence", condition],
    queryFn: async () =>
      (await ask(api.POST("/syncom/v1/segments/sentence", { body: { condition: condition ?? {} } })))
        .sentence,
    enabled: condition !== undefined,
    staleTime: 60_000,
  });

export const addressesQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "addresses"],
    queryFn: async () => (await ask(api.GET("/syncom/v1/contacts/{contact_id}/addresses", of(id)))).items,
  });

export const contactCategoriesQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "categories"],
    queryFn: async () => (await ask(api.GET("/syncom/v1/contacts/{contact_id}/categories", of(id)))).keys,
  });

export const contactListsQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "lists"],
    queryFn: async () => (await ask(api.GET("/syncom/v1/contacts/{contact_id}/lists", of(id)))).items,
  });

export const contactSegmentsQuery = (id: number) =>
  queryOptions({
    queryKey: ["segment", "of", id],
    queryFn: async () => (await ask(api.GET("/syncom/v1/contacts/{contact_id}/segments", of(id)))).items,
  });

export const engagementQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "engagement"],
    queryFn: () => ask(api.GET("/syncom/v1/contacts/{contact_id}/engagement", of(id))),
  });

export const verdictQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "verdict"],
    queryFn: () => ask(api.GET("/syncom/v1/contacts/{contact_id}/consents/verdict", of(id))),
  });

export const ordersQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "orders"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/contacts/{contact_id}/orders", {
            params: { path: { contact_id: id }, query: { limit: MANY } },
          }),
        )
      ).items,
  });

export const revenueQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "revenue"],
    queryFn: async () => (await ask(api.GET("/syncom/v1/contacts/{contact_id}/revenue", of(id)))).items,
  });

export const cartsQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "carts"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/contacts/{contact_id}/carts", {
            params: { path: { contact_id: id }, query: { limit: 200 } },
          }),
        )
      ).items,
  });

/** Who never ordered has no score: not asked for then. */
export const rfmQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "rfm"],
    queryFn: () => ask(api.GET("/syncom/v1/contacts/{contact_id}/rfm", of(id))),
  });

export const predictionQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact", id, "prediction"],
    queryFn: () => ask(api.GET("/syncom/v1/contacts/{contact_id}/prediction", of(id))),
  });

export function timelinePage(
  id: number,
  asked: { kind?: Kind; channel?: string },
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<{ items: TimelineEntry[]; next_cursor: string | null }> {
  return ask(
    api.GET("/syncom/v1/contacts/{contact_id}/timeline", {
      params: {
        path: { contact_id: id },
        query: {
          limit: 50,
          cursor,
          kind: asked.kind ? [asked.kind] : undefined,
          channel: asked.channel ? [asked.channel] : undefined,
        },
      },
      signal,
    }),
  );
}

export function consentsPage(id: number, cursor: string | undefined, signal: AbortSignal) {
  return ask(
    api.GET("/syncom/v1/contacts/{contact_id}/consents", {
      params: { path: { contact_id: id }, query: { limit: 50, cursor } },
      signal,
    }),
  );
}

export const listQuery = (id: number) =>
  queryOptions({
    queryKey: ["list", id],
    queryFn: () => ask(api.GET("/syncom/v1/lists/{list_id}", { params: { path: { list_id: id } } })),
  });

export const actionQuery = (id: number) =>
  queryOptions({
    queryKey: ["bulk-action", id],
    queryFn: () =>
      ask(api.GET("/syncom/v1/bulk-actions/{action_id}", { params: { path: { action_id: id } } })),
    refetchInterval: ({ state }) => (state.data && isUnderWay(state.data.state) ? 700 : false),
  });

export const actionsQuery = queryOptions({
  queryKey: ["bulk-action", "all"],
  queryFn: async () =>
    (await ask(api.GET("/syncom/v1/bulk-actions", { params: { query: { limit: 20 } } }))).items,
});

export const importQuery = (id: number) =>
  queryOptions({
    queryKey: ["contact-import", id],
    queryFn: () => ask(api.GET("/syncom/v1/imports/{import_id}", { params: { path: { import_id: id } } })),
    refetchInterval: ({ state }) =>
      state.data && (state.data.state === "queued" || state.data.state === "running") ? 1000 : false,
  });

export function importsPage(cursor: string | undefined, signal: AbortSignal) {
  return ask(api.GET("/syncom/v1/imports", { params: { query: { limit: 100, cursor } }, signal }));
}

export function startAction(input: BulkInput) {
  return ask(api.POST("/syncom/v1/bulk-actions", { body: input }));
}

/** Whether contacts are being changed at this moment. */
export function isUnderWay(state: string): boolean {
  return state === "waiting" || state === "running" || state === "undoing";
}

/** What shows contacts is asked for anew: after a change made here, which no stream tells of. */
export function renewContacts(client: QueryClient): void {
  for (const kind of ["contact", "list", "segment"]) void client.invalidateQueries({ queryKey: [kind] });
}

function of(id: number) {
  return { params: { path: { contact_id: id } } };
}
