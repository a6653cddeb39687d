/** The pages of the settings, as the overview shows them. What one may not do is left out. */
import {
  IconBan,
  IconBuilding,
  IconClockPause,
  IconHistory,
  IconInbox,
  IconKey,
  IconLock,
  IconMailShare,
  IconShieldLock,
  IconTags,
  IconUsers,
  IconWebhook,
  IconWorld,
  IconWorldWww,
} from "@tabler/icons-react";
import type { Permission } from "~/api/schema";

export const groups = [
  {
    name: "you",
    places: [{ name: "security", path: "/settings/security", icon: IconShieldLock, needs: undefined }],
  },
  {
    name: "account",
    places: [
      { name: "account", path: "/settings/account", icon: IconBuilding, needs: "read_account" },
      { name: "users", path: "/settings/users", icon: IconUsers, needs: "manage_users" },
      { name: "keys", path: "/settings/keys", icon: IconKey, needs: "manage_keys" },
      { name: "audit", path: "/settings/audit", icon: IconHistory, needs: "manage_account" },
      { name: "privacy", path: "/settings/privacy", icon: IconLock, needs: "read_contacts" },
    ],
  },
  {
    name: "sending",
    places: [
      { name: "senders", path: "/settings/senders", icon: IconMailShare, needs: "read_settings" },
      { name: "domains", path: "/settings/domains", icon: IconWorldWww, needs: "read_settings" },
      { name: "policy", path: "/settings/policy", icon: IconClockPause, needs: "read_settings" },
      { name: "categories", path: "/settings/categories", icon: IconTags, needs: "read_contacts" },
      { name: "suppressions", path: "/settings/suppressions", icon: IconBan, needs: "read_contacts" },
    ],
  },
  {
    name: "connections",
    places: [
      { name: "webhooks", path: "/settings/webhooks", icon: IconWebhook, needs: "read_settings" },
      { name: "sites", path: "/settings/sites", icon: IconWorld, needs: "read_settings" },
      { name: "inbox", path: "/settings/inbox", icon: IconInbox, needs: "operate" },
    ],
  },
] as const satisfies readonly {
  name: string;
  places: readonly {
    name: string;
    path: string;
    icon: typeof IconInbox;
    needs: Permission | undefined;
  }[];
}[];
