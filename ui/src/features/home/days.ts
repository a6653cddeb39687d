import type { Point } from "~/api/schema";

/** A counter for each of the last days (UTC), today last; 0 where nothing happened. */
export function daily(
  points: readonly Pick<Point, "start" | "counts">[],
  days: number,
  counter: string,
  now: Date,
): { day: string; count: number }[] {
  const counts = new Map(points.map((point) => [dayOf(new Date(point.start)), point.counts[counter] ?? 0]));
  return Array.from({ length: days }, (_, index) => {
    const at = new Date(now);
    at.setUTCDate(at.getUTCDate() - (days - 1 - index));
    const day = dayOf(at);
    return { day, count: counts.get(day) ?? 0 };
  });
}

function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}
