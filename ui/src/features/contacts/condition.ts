/** The segment language as far as these pages write it (docs/segments.md). */
import type { ContactsSearch } from "./searches";

export type Condition = { [member: string]: unknown };

export const EVERYONE: Condition = { all: [] };

/** The filters of a page as one condition; undefined: everybody. */
export function conditionOf(search: ContactsSearch): Condition | undefined {
  const parts: Condition[] = [];
  if (search.condition) parts.push(search.condition);
  if (search.list) parts.push({ list: search.list });
  if (search.segment) parts.push({ segment: search.segment });
  if (search.subscription) {
    const [channel, is] = search.subscription.split(":");
    parts.push({ subscription: channel, is });
  }
  if (search.band) parts.push({ engagement: { band: [search.band] } });
  return parts.length > 1 ? { all: parts } : parts[0];
}
