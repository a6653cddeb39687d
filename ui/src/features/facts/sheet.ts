/** Revenue as series of a chart. */
import type { Source } from "./searches";

export type Day = { day: string; source: Source; net: string | number };

/** Net revenue of each kind of source on each of the days; 0 where there is none. */
export function stacked(
  found: readonly Day[],
  days: readonly string[],
): { days: readonly string[]; sums: Record<Source, number[]> } {
  const places = new Map(days.map((day, place) => [day, place]));
  const sums = { campaign: zeros(days), workflow: zeros(days), single: zeros(days) };
  for (const one of found) {
    const place = places.get(one.day);
    const series = sums[one.source];
    if (place !== undefined) series[place] = (series[place] ?? 0) + Number(one.net);
  }
  return { days, sums };
}

function zeros(days: readonly string[]): number[] {
  return days.map(() => 0);
}
