/** Kinds of steps and triggers, as the palette and the canvas show them. */
import {
  IconArrowsSplit,
  IconBolt,
  IconBrowser,
  IconCalendarClock,
  IconCalendarEvent,
  IconCalendarTime,
  IconClick,
  IconClockHour4,
  IconCornerUpRight,
  IconFilter,
  IconFlag,
  IconGitFork,
  IconHandStop,
  IconHourglass,
  IconListDetails,
  IconMail,
  IconMessage,
  IconNotification,
  IconPlayerStop,
  IconPlug,
  IconReceipt,
  IconSend,
  IconSwitch2,
  IconUserEdit,
  IconUserMinus,
  IconUserPlus,
  IconWebhook,
} from "@tabler/icons-react";
import type { ComponentType } from "react";

export type Icon = ComponentType<{ size?: number | string; "aria-hidden"?: boolean }>;
export type Kind = { icon: Icon; color: string };

export const STEP_KINDS: Record<string, Kind> = {
  send_email: { icon: IconMail, color: "indigo" },
  send_sms: { icon: IconMessage, color: "indigo" },
  send_push: { icon: IconNotification, color: "indigo" },
  send: { icon: IconSend, color: "indigo" },
  wait: { icon: IconClockHour4, color: "yellow" },
  wait_until: { icon: IconCalendarTime, color: "yellow" },
  wait_for: { icon: IconHourglass, color: "yellow" },
  condition: { icon: IconFilter, color: "grape" },
  switch: { icon: IconSwitch2, color: "grape" },
  split: { icon: IconArrowsSplit, color: "grape" },
  update_contact: { icon: IconUserEdit, color: "teal" },
  add_to_list: { icon: IconUserPlus, color: "teal" },
  remove_from_list: { icon: IconUserMinus, color: "teal" },
  generate_event: { icon: IconBolt, color: "teal" },
  webhook: { icon: IconWebhook, color: "cyan" },
  action: { icon: IconPlug, color: "cyan" },
  goal: { icon: IconFlag, color: "green" },
  jump: { icon: IconCornerUpRight, color: "gray" },
  stop: { icon: IconPlayerStop, color: "gray" },
};

export const TRIGGER_KINDS: Record<string, Kind> = {
  event: { icon: IconBolt, color: "orange" },
  page: { icon: IconBrowser, color: "orange" },
  order: { icon: IconReceipt, color: "orange" },
  segment: { icon: IconFilter, color: "orange" },
  list: { icon: IconListDetails, color: "orange" },
  activity: { icon: IconClick, color: "orange" },
  date: { icon: IconCalendarEvent, color: "orange" },
  schedule: { icon: IconCalendarClock, color: "orange" },
  api: { icon: IconWebhook, color: "orange" },
};

export const PALETTE: readonly {
  name: "send" | "wait" | "decide" | "change" | "connect" | "end";
  kinds: readonly string[];
}[] = [
  { name: "send", kinds: ["send_email", "send_sms", "send_push", "send"] },
  { name: "wait", kinds: ["wait", "wait_until", "wait_for"] },
  { name: "decide", kinds: ["condition", "switch", "split"] },
  { name: "change", kinds: ["update_contact", "add_to_list", "remove_from_list", "generate_event"] },
  { name: "connect", kinds: ["webhook", "action"] },
  { name: "end", kinds: ["goal", "jump", "stop"] },
];

const UNKNOWN: Kind = { icon: IconHandStop, color: "red" };

export function stepKind(type: string): Kind {
  return STEP_KINDS[type] ?? { ...UNKNOWN, icon: IconGitFork };
}

export function triggerKind(type: string): Kind {
  return TRIGGER_KINDS[type] ?? UNKNOWN;
}
