/** What of a page stands in its address. Anything else that is written there is left out. */
import { CHANNEL_NAMES } from "~/api/channels";
import { fromAddress } from "~/ui/conditions/tree";
import type { Condition } from "./condition";

export const ORDERS = ["newest", "oldest", "email", "-email", "name", "-name"] as const;
export const CHANNELS = ["email", "sms", "webpush"] as const;
export const STATES = ["subscribed", "unconfirmed", "unsubscribed", "none"] as const;
export const BANDS = ["active", "warm", "cooling", "inactive"] as const;
export const TABS = ["timeline", "consent", "orders", "carts"] as const;
export const KINDS = ["message", "activity", "event", "order", "consent", "joined_list", "created"] as const;

export type Order = (typeof ORDERS)[number];
export type Tab = (typeof TABS)[number];
export type Kind = (typeof KINDS)[number];
export type ChannelName = (typeof CHANNELS)[number];
export type State = (typeof STATES)[number];

export type ListSearch = {
  search?: string;
  order?: Order;
  /** The bulk action that is followed. */
  action?: number;
};

export type ContactsSearch = ListSearch & {
  list?: number;
  segment?: number;
  /** Such as `email:subscribed`. */
  subscription?: string;
  band?: (typeof BANDS)[number];
  /** Of the segment language: what other pages lead here with. */
  condition?: Condition;
};

export type ContactSearch = { tab?: Tab; kind?: Kind; channel?: string };

export type ImportSearch = { list?: number };

export function listSearch(given: Record<string, unknown>): ListSearch {
  return { search: text(given.search), order: oneOf(ORDERS, given.order), action: id(given.action) };
}

export function contactsSearch(given: Record<string, unknown>): ContactsSearch {
  return {
    ...listSearch(given),
    list: id(given.list),
    segment: id(given.segment),
    subscription: oneOf(SUBSCRIPTIONS, given.subscription),
    band: oneOf(BANDS, given.band),
    condition: fromAddress(given.condition),
  };
}

export function contactSearch(given: Record<string, unknown>): ContactSearch {
  return {
    tab: oneOf(TABS, given.tab),
    kind: oneOf(KINDS, given.kind),
    channel: oneOf(CHANNEL_NAMES, given.channel),
  };
}

export function importSearch(given: Record<string, unknown>): ImportSearch {
  return { list: id(given.list) };
}

export const SUBSCRIPTIONS = CHANNELS.flatMap((channel) => STATES.map((state) => `${channel}:${state}`));

function oneOf<Name extends string>(names: readonly Name[], given: unknown): Name | undefined {
  return names.find((name) => name === given);
}

function text(given: unknown): string | undefined {
  const words = typeof given === "number" ? String(given) : given;
  return typeof words === "string" && words !== "" ? words.slice(0, 300) : undefined;
}

function id(given: unknown): number | undefined {
  return typeof given === "number" && Number.isSafeInteger(given) && given > 0 ? given : undefined;
}
