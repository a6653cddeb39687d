/** A campaign that is being written: what the builder holds, and what the server takes. Pure. */
import type { Audience, Campaign, CampaignInput } from "~/api/schema";

/** A message and who sends it; null: not chosen, and the default sender. */
export type DraftWay = { template_id: number | null; sender_id: number | null };

export type Draft = {
  name: string;
  audience: Required<Audience>;
  /** In their order: each is for those whom the ones before it do not reach. At least one. */
  ways: DraftWay[];
  from_name: string;
  track_links: boolean;
};

export const NOBODY: Required<Audience> = {
  everyone: false,
  lists: [],
  segments: [],
  condition: null,
  exclude_lists: [],
  exclude_segments: [],
  categories: [],
};

export function freshDraft(name: string): Draft {
  return {
    name,
    audience: NOBODY,
    ways: [{ template_id: null, sender_id: null }],
    from_name: "",
    track_links: true,
  };
}

export function draftOf(campaign: Campaign): Draft {
  return {
    name: campaign.name,
    audience: { ...NOBODY, ...campaign.audience },
    ways: [campaign, ...campaign.alternatives].map(({ template_id, sender_id }) => ({
      template_id,
      sender_id,
    })),
    from_name: campaign.from_name,
    track_links: campaign.track_links,
  };
}

export type Lack = "name" | "audience" | "content";

/** What is still to be chosen before it can be kept on the server. */
export function lacks(draft: Draft): Lack[] {
  const found: Lack[] = [];
  if (draft.name.trim() === "") found.push("name");
  if (!namesSomebody(draft.audience)) found.push("audience");
  if (draft.ways.some((way) => way.template_id === null)) found.push("content");
  return found;
}

export function namesSomebody(audience: Audience): boolean {
  return (
    audience.everyone === true ||
    (audience.lists ?? []).length > 0 ||
    (audience.segments ?? []).length > 0 ||
    (audience.condition ?? null) !== null
  );
}

/** As the server takes it; null while something lacks. */
export function inputOf(draft: Draft): CampaignInput | null {
  const [first, ...others] = draft.ways.flatMap((way) =>
    way.template_id === null ? [] : [{ template_id: way.template_id, sender_id: way.sender_id }],
  );
  if (!first || lacks(draft).length > 0) return null;
  return {
    name: draft.name,
    audience: draft.audience,
    ...first,
    from_name: draft.from_name,
    track_links: draft.track_links,
    alternatives: others,
  };
}

/** A copy of a list with one of its members moved by one place. */
export function moved<Item>(items: readonly Item[], place: number, by: -1 | 1): Item[] {
  const other = place + by;
  const next = [...items];
  const [a, b] = [next[place], next[other]];
  if (a === undefined || b === undefined) return next;
  next[place] = b;
  next[other] = a;
  return next;
}

export type When =
  | { kind: "now" }
  | { kind: "at"; at: string }
  | { kind: "local"; at: string; late: "send" | "next_day" | "skip" };

/** When a scheduled campaign goes, as the builder holds it: wall times without an offset. */
export function whenOf(campaign: Campaign): When {
  if (campaign.local_at) return { kind: "local", at: campaign.local_at.slice(0, 16), late: campaign.late };
  if (campaign.scheduled_at) return { kind: "at", at: wall(new Date(campaign.scheduled_at)) };
  return { kind: "now" };
}

/** `2026-03-01T09:00` of the viewer's zone, as fields of date and time take it. */
export function wall(moment: Date): string {
  const two = (part: number) => String(part).padStart(2, "0");
  return (
    `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}` +
    `T${two(moment.getHours())}:${two(moment.getMinutes())}`
  );
}

/** The next full hour but one: a time that is not over before the form is filled in. */
export function soon(now = new Date()): string {
  const at = new Date(now);
  at.setHours(at.getHours() + 2, 0, 0, 0);
  return wall(at);
}

/** Whether a time for all has passed. */
export function isPast(when: When, now = new Date()): boolean {
  return when.kind === "at" && new Date(when.at) <= now;
}
