/** What the pages of campaigns ask the server. */
import { keepPreviousData, type QueryClient, queryOptions } from "@tanstack/react-query";
import { api, ask } from "~/api/client";
import type { Audience, Campaign, LedgerRow } from "~/api/schema";
import { plus } from "./calendar";
import { type ChannelName, channelName } from "./channels";
import type { Period } from "./periods";
import type { End, ListSearch, SPANS } from "./searches";

type Span = (typeof SPANS)[number];

/** A campaign, and the version that a save has to come from (docs/editing-together.md). */
export type Saved = { campaign: Campaign; etag: string | null };

export const campaignQuery = (id: number) =>
  queryOptions({
    queryKey: ["campaign", id],
    queryFn: () => savedOf(api.GET("/syncom/v1/campaigns/{campaign_id}", path(id))),
  });

export async function savedOf(
  asked: Promise<{ data?: Campaign; error?: unknown; response: Response }>,
): Promise<Saved> {
  return { campaign: await ask(asked), etag: (await asked).response.headers.get("ETag") };
}

/** Puts a campaign whose state has changed where its page looks: that is no edit, so its version stays. */
export function keepMoved(client: QueryClient, moved: Campaign): void {
  client.setQueryData(campaignQuery(moved.campaign_id).queryKey, (old) => ({
    campaign: moved,
    etag: old?.etag ?? null,
  }));
  void client.invalidateQueries({ queryKey: ["campaign"] });
}

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

export const sharesQuery = (
  campaign: number | undefined,
  by: "device" | "client" | "os" | "country",
  period: Period = {},
) =>
  queryOptions({
    queryKey: ["campaign", campaign, "audience", by, period],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/reports/audience", {
          params: { query: { by, campaign_id: campaign, ...period } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const receiversQuery = (campaign: number | undefined, period: Period = {}) =>
  queryOptions({
    queryKey: ["campaign", campaign, "domains", period],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/reports/domains", {
          params: { query: { campaign_id: campaign, limit: 100, ...period } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

type OverTime = { channel?: ChannelName; campaign?: number; period: Period };

export const seriesQuery = ({ channel, campaign, period }: OverTime, span: Span) =>
  queryOptions({
    queryKey: ["campaign", "series", channel, campaign, period, span],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/reports/series", {
          params: { query: { channel, campaign_id: campaign, ...moments(period), span, zone: zone() } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const heatQuery = ({ channel, campaign, period }: OverTime, counter: string) =>
  queryOptions({
    queryKey: ["campaign", "heat", channel, campaign, period, counter],
    queryFn: () =>
      ask(
        api.GET("/syncom/v1/reports/heat", {
          params: { query: { channel, campaign_id: campaign, ...moments(period), counter, zone: zone() } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const cohortsQuery = (begun: string, active: string) =>
  queryOptions({
    queryKey: ["contact", "cohorts", begun, active],
    queryFn: () =>
      ask(api.GET("/syncom/v1/reports/cohorts", { params: { query: { begun, active, zone: zone() } } })),
    // It reads all contacts: not with every change of one.
    staleTime: 10 * 60_000,
    placeholderData: keepPreviousData,
  });

/** Campaigns on these days of the viewer, and a day around them: days of recipients begin earlier and later. */
export const calendarQuery = (days: readonly string[]) =>
  queryOptions({
    queryKey: ["campaign", "calendar", days[0], days.at(-1)],
    queryFn: async () => {
      const query = { since: begin(plus(days[0] ?? "", -1)), until: begin(plus(days.at(-1) ?? "", 2)) };
      return (await ask(api.GET("/syncom/v1/campaigns/calendar", { params: { query } }))).items;
    },
    placeholderData: keepPreviousData,
  });

export const comparisonQuery = (ids: number[]) =>
  queryOptions({
    queryKey: ["campaign", "comparison", ids],
    queryFn: async () =>
      (await ask(api.GET("/syncom/v1/campaigns/comparison", { params: { query: { id: ids } } }))).items,
    placeholderData: keepPreviousData,
  });

/** Days of the viewer as moments; the last one is included. */
function moments({ since, until }: Period) {
  return { since: since && begin(since), until: until && begin(plus(until, 1)) };
}

function begin(day: string): string {
  return new Date(`${day}T00:00:00`).toISOString();
}

function zone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
