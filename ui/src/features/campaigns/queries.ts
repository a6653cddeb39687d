/** What the pages of campaigns ask the server. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, ask } from "~/api/client";
import type { Audience, Campaign, LedgerRow } from "~/api/schema";
import { type ChannelName, channelName } from "./channels";
import type { End, ListSearch } from "./searches";

export const campaignQuery = (id: number) =>
  queryOptions({
    queryKey: ["campaign", id],
    queryFn: () => ask(api.GET("/syncom/v1/campaigns/{campaign_id}", path(id))),
  });

export const reportQuery = (id: number, isUnderWay = false) =>
  queryOptions({
    queryKey: ["campaign", id, "report"],
    queryFn: () => ask(api.GET("/syncom/v1/campaigns/{campaign_id}/report", path(id))),
    refetchInterval: isUnderWay ? 2000 : false,
    placeholderData: keepPreviousData,
  });

/** Who would get it and who would not, at this moment, by the statement that freezes the audience. */
export const audienceQuery = (
  audience: Audience,
  template: number | undefined,
  channels: readonly ChannelName[],
) =>
  queryOptions({
    queryKey: ["contact", "audience", audience, template, channels],
    queryFn: ({ signal }) =>
      ask(
        api.POST("/syncom/v1/campaigns/audience", {
          params: { query: { template, channel: channels.length > 0 ? [...channels] : undefined } },
          body: audience,
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const findingsQuery = (template: number) =>
  queryOptions({
    queryKey: ["template", template, "check"],
    queryFn: async () =>
      (
        await ask(
          api.POST("/syncom/v1/templates/{template_id}/check", {
            params: { path: { template_id: template } },
            body: {},
          }),
        )
      ).items,
  });

/** As a contact gets it; null: as nobody, which templates that need a value refuse. */
export const previewQuery = (template: number, contact: number | null) =>
  queryOptions({
    queryKey: ["template", template, "preview", contact],
    queryFn: () =>
      ask(
        api.POST("/syncom/v1/templates/{template_id}/preview", {
          params: { path: { template_id: template } },
          body: { contact_id: contact },
        }),
      ),
    // Its address lives 15 minutes.
    staleTime: 10 * 60_000,
    placeholderData: keepPreviousData,
  });

export function campaignsPage(search: ListSearch, cursor: string | undefined, signal: AbortSignal) {
  const state =
    search.state === "sending"
      ? (["expanding", "sending"] as const)
      : search.state
        ? [search.state]
        : undefined;
  return ask(
    api.GET("/syncom/v1/campaigns", {
      params: { query: { limit: 100, cursor, state: state && [...state], search: search.search } },
      signal,
    }),
  );
}

export function recipientsPage(
  id: number,
  asked: { end?: End; reason?: string },
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<{ items: LedgerRow[]; next_cursor: string | null }> {
  return ask(
    api.GET("/syncom/v1/campaigns/{campaign_id}/recipients", {
      params: {
        path: { campaign_id: id },
        query: { state: asked.end, reason: asked.reason, limit: 200, cursor },
      },
      signal,
    }),
  );
}

export function channelsOf(campaign: Campaign): ChannelName[] {
  return [campaign.channel, ...campaign.alternatives.map((way) => way.channel)].map(channelName);
}

/** Whether messages go out, or may within moments. */
export function isUnderWay(campaign: Campaign): boolean {
  return campaign.state === "expanding" || campaign.state === "sending";
}

function path(id: number) {
  return { params: { path: { campaign_id: id } } };
}

export const figuresQuery = (id: number) =>
  queryOptions({
    queryKey: ["campaign", id, "figures"],
    queryFn: async () => (await ask(api.GET("/syncom/v1/campaigns/{campaign_id}/figures", path(id)))).items,
  });

export const reasonsQuery = (id: number) =>
  queryOptions({
    queryKey: ["campaign", id, "reasons"],
    queryFn: async () => (await ask(api.GET("/syncom/v1/campaigns/{campaign_id}/reasons", path(id)))).items,
  });

export const sharesQuery = (campaign: number | undefined, by: "device" | "client" | "os" | "country") =>
  queryOptions({
    queryKey: ["campaign", campaign, "audience", by],
    queryFn: () =>
      ask(api.GET("/syncom/v1/reports/audience", { params: { query: { by, campaign_id: campaign } } })),
  });

export const receiversQuery = (campaign: number | undefined) =>
  queryOptions({
    queryKey: ["campaign", campaign, "domains"],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/reports/domains", { params: { query: { campaign_id: campaign, limit: 100 } } }),
      ),
  });
