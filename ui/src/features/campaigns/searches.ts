/** What of a page stands in its address. Anything else that is written there is left out. */

export const STATES = ["draft", "scheduled", "sending", "paused", "finished", "cancelled", "failed"] as const;
export const TABS = ["overview", "links", "audience", "domains", "people"] as const;
export const ENDS = ["sent", "failed", "excluded", "cancelled", "uncertain"] as const;
export const LATES = ["send", "next_day", "skip"] as const;

export type Tab = (typeof TABS)[number];
export type End = (typeof ENDS)[number];

export type ListSearch = { state?: (typeof STATES)[number]; search?: string };

export type CampaignSearch = {
  /** Of the report. */
  tab?: Tab;
  end?: End;
  reason?: string;
  machines?: true;
  /** People behind a figure: its name. */
  people?: string;
};

export function listSearch(given: Record<string, unknown>): ListSearch {
  return { state: oneOf(STATES, given.state), search: text(given.search) };
}

export function campaignSearch(given: Record<string, unknown>): CampaignSearch {
  return {
    tab: oneOf(TABS, given.tab),
    end: oneOf(ENDS, given.end),
    reason: text(given.reason),
    machines: given.machines === true ? true : undefined,
    people: text(given.people),
  };
}

export type CalendarSearch = {
  /** The month, unless it says week. */
  view?: "week";
  /** Such as `2026-11-27`; today. */
  day?: string;
};

/** Ids with commas between them. */
export type CompareSearch = { ids?: string };

export const COUNTERS = ["opened.first", "clicked.first", "sent", "unsubscribed", "bounced"] as const;
export const SPANS = ["hour", "day", "week", "month"] as const;
export const BEGUN = ["created", "first_order"] as const;
export const ACTIVE = ["engaged", "ordered"] as const;
export const DAYS = [7, 30, 90, 365] as const;

export type ReportsSearch = {
  /** The last so many days, unless `since` says another begin; 30. */
  days?: (typeof DAYS)[number];
  /** First and last day. */
  since?: string;
  until?: string;
  channel?: (typeof CAMPAIGN_CHANNELS)[number];
  campaign?: number;
  span?: (typeof SPANS)[number];
  /** Of the heat by hour and weekday. */
  counter?: (typeof COUNTERS)[number];
  begun?: (typeof BEGUN)[number];
  active?: (typeof ACTIVE)[number];
};

export const CAMPAIGN_CHANNELS = ["email", "sms", "viber", "webpush"] as const;

export function calendarSearch(given: Record<string, unknown>): CalendarSearch {
  return { view: given.view === "week" ? "week" : undefined, day: day(given.day) };
}

export function compareSearch(given: Record<string, unknown>): CompareSearch {
  const { ids } = given;
  return { ids: text(Array.isArray(ids) ? ids.join(",") : typeof ids === "number" ? String(ids) : ids) };
}

export function reportsSearch(given: Record<string, unknown>): ReportsSearch {
  const campaign =
    Number.isSafeInteger(given.campaign) && Number(given.campaign) > 0 ? Number(given.campaign) : undefined;
  return {
    days: DAYS.find((one) => one === given.days),
    since: day(given.since),
    until: day(given.until),
    // A campaign's counters are of all its channels together.
    channel: campaign ? undefined : oneOf(CAMPAIGN_CHANNELS, given.channel),
    campaign,
    span: oneOf(SPANS, given.span),
    counter: oneOf(COUNTERS, given.counter),
    begun: oneOf(BEGUN, given.begun),
    active: oneOf(ACTIVE, given.active),
  };
}

/** A day there is, such as `2026-11-27`. */
function day(given: unknown): string | undefined {
  if (typeof given !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(given)) return undefined;
  const moment = new Date(`${given}T00:00:00Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(given) ? given : undefined;
}

export function oneOf<Name extends string>(names: readonly Name[], given: unknown): Name | undefined {
  return names.find((name) => name === given);
}

export function text(given: unknown): string | undefined {
  return typeof given === "string" && given !== "" ? given.slice(0, 1000) : undefined;
}
