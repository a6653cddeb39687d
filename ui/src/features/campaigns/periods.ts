/** The days that a report is about. Pure. */
import { dayOf, plus } from "./calendar";
import type { ReportsSearch } from "./searches";

/** First and last day, both included; without them the server chooses. */
export type Period = { since?: string; until?: string };

export const USUAL = 30;

/** Of a campaign all of its life, unless days are asked for. */
export function periodOf(search: ReportsSearch, now = new Date()): Period {
  const today = dayOf(now);
  if (search.since || search.until) {
    const until = search.until ?? today;
    const since = search.since ?? plus(until, 1 - USUAL);
    return since <= until ? { since, until } : { since: until, until: since };
  }
  if (search.campaign && !search.days) return {};
  return { since: plus(today, 1 - (search.days ?? USUAL)), until: today };
}

/** What a point of the chart is, unless one is asked for: few enough to look at. */
export function spanOf({ since, until }: Period): "hour" | "day" | "week" | "month" {
  if (!since || !until) return "day";
  const days = (Date.parse(until) - Date.parse(since)) / 86_400_000 + 1;
  if (days <= 2) return "hour";
  if (days <= 92) return "day";
  return days <= 400 ? "week" : "month";
}
