/** What rows offer to choose from. Fields, lists, segments, categories and types of events come whole: an account has few of them. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "~/api/client";
import type { CustomField } from "~/api/schema";

export type { CustomField };

const RARELY = { staleTime: 60_000 };

export const fieldsQuery = queryOptions({
  queryKey: ["field", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/fields"))).items,
  ...RARELY,
});

export const listsQuery = queryOptions({
  queryKey: ["list", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/lists"))).items,
  ...RARELY,
});

export const segmentsQuery = queryOptions({
  queryKey: ["segment", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/segments"))).items,
  ...RARELY,
});

export const categoriesQuery = queryOptions({
  queryKey: ["category", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/categories"))).items,
  ...RARELY,
});

export const eventTypesQuery = queryOptions({
  queryKey: ["event-type", "all"],
  queryFn: async () => (await ask(api.GET("/syncom/v1/event-types"))).items,
  ...RARELY,
});

export const parametersQuery = (typeId: number) =>
  queryOptions({
    queryKey: ["event-type", typeId, "parameters"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/event-types/{event_type_id}/parameters", {
            params: { path: { event_type_id: typeId } },
          }),
        )
      ).items,
    ...RARELY,
  });

/** The newest thousand. */
export const campaignsQuery = queryOptions({
  queryKey: ["campaign", "to-choose"],
  queryFn: async () =>
    (await ask(api.GET("/syncom/v1/campaigns", { params: { query: { limit: 1000 } } }))).items,
  ...RARELY,
});

export const linksQuery = (campaignId: number) =>
  queryOptions({
    queryKey: ["campaign", campaignId, "links"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/campaigns/{campaign_id}/links", {
            params: { path: { campaign_id: campaignId } },
          }),
        )
      ).items,
    ...RARELY,
  });
