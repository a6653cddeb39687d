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

export function oneOf<Name extends string>(names: readonly Name[], given: unknown): Name | undefined {
  return names.find((name) => name === given);
}

export function text(given: unknown): string | undefined {
  return typeof given === "string" && given !== "" ? given.slice(0, 1000) : undefined;
}
