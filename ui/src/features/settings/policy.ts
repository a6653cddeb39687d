/** The sending policy as its form holds it. */
import type { Policy } from "~/api/schema";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export const limitNames = ["bounces", "complaints", "content"] as const;
export type Limit = (typeof limitNames)[number];

export type Quiet = { begin: string; end: string; weekdays: string[]; channels: string[] };
export type Cap = { messages: number | string; days: number | string; channel: string };
export type Values = {
  quiet_hours: Quiet[];
  caps: Cap[];
  limits: Record<Limit, { on: boolean; percent: number | string; after: number | string }>;
};

/** What is suggested where a limit is turned on that was off, in percent: the server's own. */
const USUAL: Record<Limit, number> = { bounces: 5, complaints: 0.3, content: 5 };

export function valuesOf(policy: Policy): Values {
  const { limits } = policy;
  const of = (name: Limit) => ({
    on: limits?.[`${name}_percent`] !== null,
    percent: limits?.[`${name}_percent`] ?? USUAL[name],
    after: limits?.[`${name}_after`] ?? 1,
  });
  return {
    quiet_hours: (policy.quiet_hours ?? []).map((one) => ({
      begin: one.begin ?? "21:00",
      end: one.end ?? "09:00",
      weekdays: [...(one.weekdays ?? [])],
      channels: [...(one.channels ?? [])],
    })),
    caps: (policy.caps ?? []).map((one) => ({
      messages: one.messages,
      days: one.days ?? 7,
      channel: one.channel ?? "",
    })),
    limits: { bounces: of("bounces"), complaints: of("complaints"), content: of("content") },
  };
}

export function policyOf(values: Values): Policy {
  const percent = (name: Limit) => (values.limits[name].on ? Number(values.limits[name].percent) : null);
  const after = (name: Limit) => Number(values.limits[name].after);
  return {
    quiet_hours: values.quiet_hours.map((one) => ({ ...one })) as Policy["quiet_hours"],
    caps: values.caps.map((one) => ({
      messages: Number(one.messages),
      days: Number(one.days),
      channel: one.channel === "" ? null : one.channel,
    })) as Policy["caps"],
    limits: {
      bounces_percent: percent("bounces"),
      bounces_after: after("bounces"),
      complaints_percent: percent("complaints"),
      complaints_after: after("complaints"),
      content_percent: percent("content"),
      content_after: after("content"),
    },
  };
}

/** The short name of a day of the week in a language. */
export function dayName(day: (typeof WEEKDAYS)[number], language: string): string {
  // 5 January 2026 was a Monday.
  const date = new Date(Date.UTC(2026, 0, 5 + WEEKDAYS.indexOf(day)));
  return new Intl.DateTimeFormat(language, { weekday: "short", timeZone: "UTC" }).format(date);
}
