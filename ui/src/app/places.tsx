/** The places of the application, as the side bar and the palette show them. A place whose pages are not there is left out. */
import {
  IconAddressBook,
  IconAffiliate,
  IconCalendar,
  IconChartBar,
  IconCoins,
  IconFilter,
  IconForms,
  IconGridDots,
  IconHome,
  IconList,
  IconMail,
  IconPhoto,
  IconPlugConnected,
  IconReceipt,
  IconRoute,
  IconSettings,
  IconShoppingBag,
  IconTemplate,
} from "@tabler/icons-react";
import type { ComponentType } from "react";
import type { Permission } from "~/api/schema";

export type Place = {
  path: string;
  /** A key below `nav`. */
  name: string;
  icon: ComponentType<{ size?: number | string; "aria-hidden"?: boolean }>;
  needs?: Permission;
};

export type Section = { name: string; places: Place[] };

export const sections: Section[] = [
  { name: "", places: [{ path: "/", name: "home", icon: IconHome }] },
  {
    name: "audience",
    places: [
      { path: "/contacts", name: "contacts", icon: IconAddressBook, needs: "read_contacts" },
      { path: "/lists", name: "lists", icon: IconList, needs: "read_contacts" },
      { path: "/segments", name: "segments", icon: IconFilter, needs: "read_contacts" },
      { path: "/rfm", name: "rfm", icon: IconGridDots, needs: "read_contacts" },
      { path: "/forms", name: "forms", icon: IconForms, needs: "read_settings" },
    ],
  },
  {
    name: "content",
    places: [
      { path: "/templates", name: "templates", icon: IconTemplate, needs: "read_content" },
      { path: "/images", name: "images", icon: IconPhoto, needs: "read_content" },
      { path: "/products", name: "products", icon: IconShoppingBag, needs: "read_content" },
    ],
  },
  {
    name: "sending",
    places: [
      { path: "/campaigns", name: "campaigns", icon: IconMail, needs: "read_campaigns" },
      { path: "/campaigns/calendar", name: "calendar", icon: IconCalendar, needs: "read_campaigns" },
      { path: "/workflows", name: "workflows", icon: IconRoute, needs: "read_campaigns" },
    ],
  },
  {
    name: "results",
    places: [
      { path: "/reports", name: "reports", icon: IconChartBar, needs: "read_campaigns" },
      { path: "/events", name: "events", icon: IconAffiliate, needs: "read_activity" },
      { path: "/orders", name: "orders", icon: IconReceipt, needs: "read_contacts" },
      { path: "/revenue", name: "revenue", icon: IconCoins, needs: "read_campaigns" },
    ],
  },
  {
    name: "system",
    places: [
      { path: "/integrations", name: "integrations", icon: IconPlugConnected },
      { path: "/settings", name: "settings", icon: IconSettings },
    ],
  },
];
