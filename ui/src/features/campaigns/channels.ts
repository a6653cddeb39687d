/** Channels of campaigns, as the server numbers them. */
import { IconBell, IconDeviceMobileMessage, IconMail, IconMessageCircle } from "@tabler/icons-react";
import { EMAIL, SMS, VIBER, WEBPUSH } from "~/api/channels";
import type { Channel } from "~/api/schema";

/** Those that campaigns are sent over; the names are the server's and keys below `campaigns.channels`. */
export const CHANNELS = [
  { channel: EMAIL, name: "email", icon: IconMail },
  { channel: WEBPUSH, name: "webpush", icon: IconBell },
  { channel: SMS, name: "sms", icon: IconDeviceMobileMessage },
  { channel: VIBER, name: "viber", icon: IconMessageCircle },
] as const;

export type ChannelName = (typeof CHANNELS)[number]["name"];

export function channelName(channel: Channel): ChannelName {
  return CHANNELS.find((one) => one.channel === channel)?.name ?? "email";
}

/** Whose agreement holds for a channel: what goes to a phone follows SMS. */
export function reach(channel: Channel): Channel {
  return channel === VIBER ? SMS : channel;
}
