/** Which of several campaigns did best in a figure. Pure. */
import type { Compared } from "~/api/schema";

/** As many as the server compares at once. */
export const MOST = 10;

export const RATES = [
  "open_rate",
  "click_rate",
  "click_to_open_rate",
  "order_rate",
  "bounce_rate",
  "unsubscribe_rate",
  "complaint_rate",
] as const;
export const COUNTS = ["audience", "sent", "failed", "delivered", "opened", "clicked", "orders"] as const;
export type Rate = (typeof RATES)[number];
const LESS_IS_BETTER: readonly Rate[] = ["bounce_rate", "unsubscribe_rate", "complaint_rate"];

/** Ids of those that are best; empty while there is nothing to tell apart. */
export function bestOf(compared: readonly Compared[], rate: Rate): number[] {
  const sent = compared.filter((one) => one.sent > 0);
  const values = sent.map((one) => one[rate]);
  if (sent.length < 2 || new Set(values).size < 2) return [];
  const best = LESS_IS_BETTER.includes(rate) ? Math.min(...values) : Math.max(...values);
  return sent.filter((one) => one[rate] === best).map((one) => one.campaign_id);
}

/** `3,1,2` as ids: each once, as many as are compared. */
export function idsOf(text: string | undefined): number[] {
  const ids = (text ?? "").split(",").map(Number);
  return [...new Set(ids.filter((id) => Number.isSafeInteger(id) && id > 0))].slice(0, MOST);
}
