/** What definitions name by number, as people call it. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, ask } from "~/api/client";
import { useMay } from "~/api/session";

type Pages<Item> = { items: Item[]; next_cursor: string | null };

/** All of a list that comes in pages, at most ten of them. */
async function all<Item>(fetch: (cursor: string | undefined) => Promise<Pages<Item>>): Promise<Item[]> {
  const found: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 10; page++) {
    const next = await fetch(cursor);
    found.push(...next.items);
    if (!next.next_cursor) break;
    cursor = next.next_cursor;
  }
  return found;
}

export const templatesQuery = queryOptions({
  queryKey: ["template", "all"],
  queryFn: () =>
    all((cursor) => ask(api.GET("/syncom/v1/templates", { params: { query: { limit: 1000, cursor } } }))),
});
export const segmentsQuery = queryOptions({
  queryKey: ["segment", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/segments"))).items,
});
export const listsQuery = queryOptions({
  queryKey: ["list", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/lists"))).items,
});
export const eventTypesQuery = queryOptions({
  queryKey: ["event-type", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/event-types"))).items,
});
export const fieldsQuery = queryOptions({
  queryKey: ["field", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/fields"))).items,
});
export const sendersQuery = queryOptions({
  queryKey: ["sender", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/senders"))).items,
});
export const campaignsQuery = queryOptions({
  queryKey: ["campaign", "names"],
  queryFn: () =>
    all((cursor) => ask(api.GET("/syncom/v1/campaigns", { params: { query: { limit: 1000, cursor } } }))),
});
export const workflowsQuery = queryOptions({
  queryKey: ["workflow", "names"],
  queryFn: () =>
    all((cursor) => ask(api.GET("/syncom/v1/workflows", { params: { query: { limit: 500, cursor } } }))),
});

export type Names = {
  template: (id: unknown) => string;
  segment: (id: unknown) => string;
  list: (id: unknown) => string;
  field: (key: unknown) => string;
  campaign: (id: unknown) => string;
  workflow: (id: unknown) => string;
};

/** Names by number; a thing that is gone, or not there yet, is `#7`. */
export function useNames(): Names {
  const content = useMay("read_content");
  const contacts = useMay("read_contacts");
  const settings = useMay("read_settings");
  const templates = useQuery({ ...templatesQuery, enabled: content }).data;
  const segments = useQuery({ ...segmentsQuery, enabled: contacts }).data;
  const lists = useQuery({ ...listsQuery, enabled: contacts }).data;
  const fields = useQuery({ ...fieldsQuery, enabled: settings }).data;
  const campaigns = useQuery(campaignsQuery).data;
  const workflows = useQuery(workflowsQuery).data;
  return useMemo(() => {
    const name = <Item>(
      all: readonly Item[] | undefined,
      id: unknown,
      is: (one: Item) => boolean,
      say: (one: Item) => string,
    ) => {
      if (all === undefined) return "…";
      const found = all.find(is);
      return found ? say(found) : `#${String(id ?? "?")}`;
    };
    return {
      template: (id) =>
        name(
          templates,
          id,
          (one) => one.template_id === id,
          (one) => one.name,
        ),
      segment: (id) =>
        name(
          segments,
          id,
          (one) => one.segment_id === id,
          (one) => one.name,
        ),
      list: (id) =>
        name(
          lists,
          id,
          (one) => one.list_id === id,
          (one) => one.name,
        ),
      field: (key) => fields?.find((one) => one.key === key)?.name ?? String(key ?? ""),
      campaign: (id) =>
        name(
          campaigns,
          id,
          (one) => one.campaign_id === id,
          (one) => one.name,
        ),
      workflow: (id) =>
        name(
          workflows,
          id,
          (one) => one.workflow_id === id,
          (one) => one.name,
        ),
    };
  }, [templates, segments, lists, fields, campaigns, workflows]);
}
