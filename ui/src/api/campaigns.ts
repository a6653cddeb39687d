/** Campaigns to choose from, and what they led to. */
import { queryOptions } from "@tanstack/react-query";
import { api, ask } from "./client";
import { everything } from "./everything";

export const campaignsQuery = queryOptions({
  queryKey: ["campaign", "all"],
  queryFn: () =>
    everything((cursor) =>
      ask(api.GET("/syncom/v1/campaigns", { params: { query: { limit: 1000, cursor } } })),
    ),
});

export const linksQuery = (id: number) =>
  queryOptions({
    queryKey: ["campaign", id, "links"],
    queryFn: async () =>
      (
        await ask(
          api.GET("/syncom/v1/campaigns/{campaign_id}/links", { params: { path: { campaign_id: id } } }),
        )
      ).items,
  });
