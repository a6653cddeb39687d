/** Channels by name and number (the API's `Channel`). */
import { IconBell, IconDeviceMobile, IconMail, IconMessage, IconMessageCircle } from "@tabler/icons-react";

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
export type ChannelNumber = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Those one writes here from nothing; templates of the others come by the API. */
export const WRITTEN = ["email", "sms", "viber", "webpush"] as const satisfies readonly ChannelName[];

export const EMAIL = 1;

export function nameOf(channel: number | undefined): ChannelName {
  return CHANNEL_NAMES[(channel ?? EMAIL) - 1] ?? "email";
}

export function numberOf(name: ChannelName): ChannelNumber {
  return (CHANNEL_NAMES.indexOf(name) + 1) as ChannelNumber;
}

export const CHANNEL_ICONS = {
  email: IconMail,
  sms: IconMessage,
  webpush: IconBell,
  mobilepush: IconDeviceMobile,
  viber: IconMessageCircle,
  telegram: IconMessageCircle,
  appinbox: IconDeviceMobile,
  inapp: IconDeviceMobile,
} as const;
