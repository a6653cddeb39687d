/** Channels of templates. */
import { IconBell, IconDeviceMobile, IconMail, IconMessage, IconMessageCircle } from "@tabler/icons-react";
import type { ChannelName } from "~/api/channels";

/** Those one writes here from nothing; templates of the others come by the API. */
export const WRITTEN = ["email", "sms", "viber", "webpush"] as const satisfies readonly ChannelName[];

export const CHANNEL_ICONS = {
  email: IconMail,
  sms: IconMessage,
  webpush: IconBell,
  mobilepush: IconDeviceMobile,
  viber: IconMessageCircle,
  telegram: IconMessageCircle,
  appinbox: IconDeviceMobile,
  inapp: IconDeviceMobile,
} as const satisfies Record<ChannelName, unknown>;
