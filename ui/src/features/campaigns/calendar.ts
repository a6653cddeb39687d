/** Days of a calendar in the viewer's zone, as `2026-11-27`, and where a campaign stands in it. Pure. */
import type { Campaign } from "~/api/schema";
import { wall } from "./draft";

export type View = "month" | "week";

export function dayOf(moment: Date): string {
  return wall(moment).slice(0, 10);
}

/** Noon: a change of clocks never makes it another day. */
export function noonOf(day: string): Date {
  return new Date(`${day}T12:00:00`);
}

export function plus(day: string, days: number): string {
  const moment = noonOf(day);
  moment.setDate(moment.getDate() + days);
  return dayOf(moment);
}

/** The same day of another month; the last one where that month is shorter. */
export function plusMonths(day: string, months: number): string {
  const moment = noonOf(day);
  const wanted = moment.getDate();
  moment.setDate(1);
  moment.setMonth(moment.getMonth() + months);
  const last = new Date(moment.getFullYear(), moment.getMonth() + 1, 0).getDate();
  moment.setDate(Math.min(wanted, last));
  return dayOf(moment);
}

/** Whole weeks, Monday first: those of the day's month, or the day's own. */
export function daysOf(view: View, day: string): string[] {
  const first = view === "month" ? `${day.slice(0, 7)}-01` : day;
  const last = view === "month" ? plus(plusMonths(first, 1), -1) : day;
  const begin = plus(first, -weekday(first));
  const length = daysBetween(begin, plus(last, 7 - weekday(last)));
  return Array.from({ length }, (_, index) => plus(begin, index));
}

/** Monday is 0. */
function weekday(day: string): number {
  return (noonOf(day).getDay() + 6) % 7;
}

function daysBetween(first: string, last: string): number {
  return Math.round((noonOf(last).getTime() - noonOf(first).getTime()) / 86_400_000);
}

/** When it began or begins: a wall time of the viewer, or of each recipient. */
export function momentOf(campaign: Campaign): string | undefined {
  if (campaign.launched_at) return wall(new Date(campaign.launched_at));
  if (campaign.local_at) return campaign.local_at.slice(0, 16);
  return campaign.scheduled_at ? wall(new Date(campaign.scheduled_at)) : undefined;
}

/** What asks the server to send it on another day, at the time of day it has. */
export function onDay(campaign: Campaign, day: string) {
  const time = (momentOf(campaign) ?? `${day}T09:00`).slice(11, 16);
  return campaign.local_at
    ? { local_at: `${day}T${campaign.local_at.slice(11, 19)}`, late: campaign.late }
    : { at: new Date(`${day}T${time}`).toISOString() };
}

/** What asks for the time it has. */
export function asItIs(campaign: Campaign) {
  return campaign.local_at
    ? { local_at: campaign.local_at.slice(0, 19), late: campaign.late }
    : { at: campaign.scheduled_at };
}
