/** Channels by name and number (the API's `Channel`). */
import type { Channel } from "./schema";

export const CHANNEL_NAMES = [
  "email",
  "sms",
  "webpush",
  "mobilepush",
  "viber",
  "telegram",
  "appinbox",
  "inapp",
] as const;
export type ChannelName = (typeof CHANNEL_NAMES)[number];

export const EMAIL = 1 satisfies Channel;
export const SMS = 2 satisfies Channel;
export const WEBPUSH = 3 satisfies Channel;
export const VIBER = 5 satisfies Channel;

export function nameOf(channel: number | undefined): ChannelName {
  return CHANNEL_NAMES[(channel ?? EMAIL) - 1] ?? "email";
}

export function numberOf(name: ChannelName): Channel {
  return (CHANNEL_NAMES.indexOf(name) + 1) as Channel;
}
