/** How far a campaign is. Pure. */
import type { Report } from "~/api/schema";

export type Part = {
  name: "sent" | "failed" | "excluded" | "cancelled" | "uncertain" | "waiting" | "retrying";
  count: number;
  color: string;
};

/** What the audience is made of; parts of which there is nothing are left out. */
export function partsOf(report: Report): Part[] {
  const excluded = Object.values(report.excluded).reduce((sum, count) => sum + count, 0);
  const all: Part[] = [
    { name: "sent", count: report.sent, color: "teal" },
    { name: "failed", count: report.failed, color: "red" },
    { name: "uncertain", count: report.uncertain, color: "yellow" },
    { name: "excluded", count: excluded, color: "gray" },
    { name: "cancelled", count: report.cancelled, color: "dark" },
    { name: "retrying", count: report.retrying, color: "orange" },
    { name: "waiting", count: report.waiting, color: "blue" },
  ];
  return all.filter((part) => part.count > 0);
}

/** How many had been tried at a moment (ms). */
export type Sample = { at: number; done: number };
export type Pace = { perMinute: number; minutesLeft: number };

/** The pace over the samples; undefined until they say something. */
export function paceOf(samples: readonly Sample[], left: number): Pace | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at - first.at < 1000 || last.done <= first.done) return undefined;
  const perMinute = (60_000 * (last.done - first.done)) / (last.at - first.at);
  return { perMinute, minutesLeft: left / perMinute };
}
