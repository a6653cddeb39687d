/** What of a page stands in its address. */

export const SEGMENT_TABS = ["growth", "people", "moves", "why", "condition"] as const;
export type SegmentTab = (typeof SEGMENT_TABS)[number];
export const RFM_TABS = ["grid", "moves", "predictions", "settings"] as const;
export type RfmTab = (typeof RFM_TABS)[number];

/** `condition`: base64url of a condition's JSON; other pages lead here with it. */
export type NewSearch = { condition?: string; name?: string };
export type SegmentSearch = { tab?: SegmentTab; days?: number; contact?: number };
export type OverlapSearch = { first?: number; second?: number };
export type RfmSearch = { tab?: RfmTab; since?: string; until?: string };

export function newSearch(given: Record<string, unknown>): NewSearch {
  const { condition, name } = given;
  return {
    condition:
      typeof condition === "string"
        ? condition
        : typeof condition === "object" && condition !== null
          ? JSON.stringify(condition)
          : undefined,
    name: typeof name === "string" || typeof name === "number" ? String(name).slice(0, 200) : undefined,
  };
}

export function segmentSearch(given: Record<string, unknown>): SegmentSearch {
  return {
    tab: SEGMENT_TABS.find((tab) => tab === given.tab),
    days: [30, 90, 365].find((days) => days === given.days),
    contact: id(given.contact),
  };
}

export function overlapSearch(given: Record<string, unknown>): OverlapSearch {
  return { first: id(given.first), second: id(given.second) };
}

export function rfmSearch(given: Record<string, unknown>): RfmSearch {
  return { tab: RFM_TABS.find((tab) => tab === given.tab), since: day(given.since), until: day(given.until) };
}

function id(given: unknown): number | undefined {
  return typeof given === "number" && Number.isSafeInteger(given) && given > 0 ? given : undefined;
}

function day(given: unknown): string | undefined {
  return typeof given === "string" && /^\d{4}-\d{2}-\d{2}$/.test(given) ? given : undefined;
}
