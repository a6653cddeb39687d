/** What a trigger or a step does, in a sentence. */
import { useQueries } from "@tanstack/react-query";
import i18next, { type TFunction } from "i18next";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { number, percent } from "~/ui/format";
import type { Definition, Step, WayLabel } from "../model/definition";
import { sentenceQuery } from "../queries";
import { type Names, useNames } from "./names";

export type Sentences = {
  trigger: (trigger: Definition["trigger"]) => string;
  step: (step: Step) => string;
  way: (label: WayLabel) => string;
};

type T = TFunction<"words">;
type Conditions = (condition: unknown) => string;

/** Sentences for a definition: its conditions are said by the server. */
export function useSentences(definition: Definition | undefined): Sentences {
  const { t } = useTranslation();
  const names = useNames();
  const conditions = useMemo(() => (definition ? conditionsOf(definition) : []), [definition]);
  const said = useQueries({
    queries: conditions.map((one) => sentenceQuery(one)),
    combine: (answers) => answers.map((one) => one.data ?? (one.isError ? null : undefined)),
  });
  return useMemo(() => {
    const known = new Map(conditions.map((one, place) => [JSON.stringify(one), said[place]]));
    const condition: Conditions = (one) => {
      if (isEverybody(one)) return t("workflows.says.noCondition");
      const found = known.get(JSON.stringify(one));
      return found === undefined ? "…" : (found ?? t("workflows.says.ownCondition"));
    };
    return {
      trigger: (trigger) => triggerSentence(t, names, trigger),
      step: (step) => stepSentence(t, names, condition, step),
      way: (label) => waySentence(t, label),
    };
  }, [t, names, conditions, said]);
}

export function isEverybody(condition: unknown): boolean {
  return (
    typeof condition !== "object" ||
    condition === null ||
    Object.keys(condition).length === 0 ||
    JSON.stringify(condition) === '{"all":[]}'
  );
}

function conditionsOf(definition: Definition): Record<string, unknown>[] {
  const found = new Map<string, Record<string, unknown>>();
  const add = (one: unknown) => {
    if (!isEverybody(one)) found.set(JSON.stringify(one), one as Record<string, unknown>);
  };
  for (const step of definition.steps) {
    add(step.condition);
    if (Array.isArray(step.cases))
      for (const one of step.cases) add((one as { condition?: unknown }).condition);
  }
  const exits = definition.rules.exits;
  if (Array.isArray(exits)) for (const one of exits) add((one as { condition?: unknown }).condition);
  return [...found.values()];
}

function triggerSentence(t: T, names: Names, trigger: Definition["trigger"]): string {
  const text = (member: string) => String(trigger[member] ?? "");
  const says = "workflows.says.triggers";
  switch (trigger.type) {
    case "event":
      return trigger.event_type ? t(`${says}.event`, { name: text("event_type") }) : t(`${says}.eventOpen`);
    case "page":
      return t(`workflows.pages.${text("what") || "page_view"}` as "workflows.pages.cart");
    case "order":
      return t(`${says}.order`, { status: text("status") });
    case "segment":
      return t(trigger.when === "leaves" ? `${says}.leavesSegment` : `${says}.entersSegment`, {
        name: names.segment(trigger.segment_id),
      });
    case "list":
      return t(trigger.when === "leaves" ? `${says}.leavesList` : `${says}.joinsList`, {
        name: names.list(trigger.list_id),
      });
    case "activity":
      return t(trigger.did === "clicked" ? `${says}.clicked` : `${says}.opened`, {
        name: names.campaign(trigger.campaign_id),
      });
    case "date": {
      const days = Number(trigger.days ?? 0);
      const field =
        trigger.field === "created_at" ? t("workflows.form.createdAt") : names.field(trigger.field);
      const place = days === 0 ? "onDate" : days < 0 ? "beforeDate" : "afterDate";
      return t(`${says}.${place}`, { name: field, count: Math.abs(days), at: time(trigger.at) });
    }
    case "schedule":
      return t(`${says}.schedule`, {
        when: t(`workflows.every.${text("every") || "day"}` as "workflows.every.day"),
        at: time(trigger.at),
        name: names.segment(trigger.segment_id),
      });
    case "api":
      return t(`${says}.api`);
    default:
      return trigger.type;
  }
}

function stepSentence(t: T, names: Names, condition: Conditions, step: Step): string {
  const says = "workflows.says.steps";
  const text = (member: string) => String(step[member] ?? "");
  switch (step.type) {
    case "send_email":
    case "send_sms":
    case "send_push":
      return step.template_id
        ? t(`${says}.${step.type}`, { name: names.template(step.template_id) })
        : t(`${says}.noTemplate`);
    case "send": {
      const channels = Array.isArray(step.channels) ? (step.channels as { template_id?: number }[]) : [];
      return channels.length > 0
        ? t(`${says}.send`, { names: channels.map((one) => names.template(one.template_id)).join(" → ") })
        : t(`${says}.noTemplate`);
    }
    case "wait":
      return step.within
        ? t(`${says}.waitWithin`, { span: spanText(step) })
        : t(`${says}.wait`, { span: spanText(step) });
    case "wait_until":
      if (step.date)
        return t(`${says}.untilDate`, {
          date: new Intl.DateTimeFormat(i18next.language, {
            dateStyle: "medium",
            timeStyle: "short",
          }).format(validDate(step.date)),
        });
      if (step.field) {
        const days = Number(step.days ?? 0);
        return t(`${says}.${days === 0 ? "untilField" : days < 0 ? "untilBefore" : "untilAfter"}`, {
          name: names.field(step.field),
          count: Math.abs(days),
        });
      }
      return t(`${says}.untilWeekday`, { days: weekdaysText(step.weekdays), at: time(step.at) });
    case "wait_for":
      return t(`${says}.wait_for`, { name: text("event_type") || "…", span: spanText(step) });
    case "condition":
      return t(`${says}.condition`, { condition: condition(step.condition) });
    case "switch":
      return t(`${says}.switch`, { count: Array.isArray(step.cases) ? step.cases.length : 0 });
    case "split":
      return t(`${says}.split`, { count: Array.isArray(step.branches) ? step.branches.length : 0 });
    case "update_contact": {
      const set = { ...(step.set as object), ...(step.fields as object) };
      const fields = Object.entries(set).map(([key, value]) => `${names.field(key)} = ${plain(value)}`);
      return fields.length > 0
        ? t(`${says}.update_contact`, { fields: fields.join(", ") })
        : t(`${says}.noFields`);
    }
    case "add_to_list":
    case "remove_from_list":
      return t(`${says}.${step.type}`, {
        name: step.list_id ? names.list(step.list_id) : text("tag") || "…",
      });
    case "generate_event":
      return t(`${says}.generate_event`, { name: text("event_type") || "…" });
    case "webhook":
      return t(`${says}.webhook`, { method: text("method") || "POST", url: text("url") });
    case "action":
      return t(`${says}.action`, { action: text("action") || "…", connection: text("connection") || "…" });
    case "goal":
      return step.event_type || isEverybody(step.condition)
        ? t(`${says}.goalEvent`, { name: text("event_type") || "…" })
        : t(`${says}.goalCondition`, { condition: condition(step.condition) });
    case "jump":
      return t(`${says}.jump`, { name: names.workflow(step.workflow_id) });
    case "stop":
      return t(`${says}.stop`);
    default:
      return t(`${says}.unknown`, { type: step.type });
  }
}

function waySentence(t: T, label: WayLabel): string {
  if (label.kind === "plain") return "";
  if (label.kind === "case") return t("workflows.ways.case", { number: label.number });
  if (label.kind === "branch")
    return t("workflows.ways.branch", {
      name: String.fromCharCode(64 + Math.min(label.number, 26)),
      percent: percent(label.percent, 0),
    });
  return t(`workflows.ways.${label.kind}`);
}

/** `2 days 3 hours` in the viewer's language. */
export function spanText(step: Record<string, unknown>): string {
  const parts = (["days", "hours", "minutes", "seconds"] as const)
    .map((unit) => [unit, Number(step[unit] ?? 0)] as const)
    .filter(([, amount]) => amount > 0)
    .map(([unit, amount]) => number(amount, { style: "unit", unit: unit.slice(0, -1), unitDisplay: "long" }));
  return parts.join(" ") || "…";
}

const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export function weekdayName(day: string, style: "short" | "long" = "short"): string {
  const place = WEEK.indexOf(day as "mon");
  // 1 January 2024 was a Monday.
  const date = new Date(Date.UTC(2024, 0, 1 + Math.max(0, place)));
  return new Intl.DateTimeFormat(i18next.language, { weekday: style, timeZone: "UTC" }).format(date);
}

export const weekdays: readonly string[] = WEEK;

function weekdaysText(value: unknown): string {
  const days = Array.isArray(value) && value.length > 0 ? (value as string[]) : [...WEEK];
  return days.length === 7
    ? i18next.t("workflows.says.anyDay")
    : days.map((day) => weekdayName(day)).join(", ");
}

function time(value: unknown): string {
  return typeof value === "string" && value !== "" ? value.slice(0, 5) : "09:00";
}

function validDate(value: unknown): Date {
  const found = new Date(String(value));
  return Number.isNaN(found.getTime()) ? new Date(0) : found;
}

function plain(value: unknown): string {
  return typeof value === "string" ? `“${value}”` : JSON.stringify(value);
}
