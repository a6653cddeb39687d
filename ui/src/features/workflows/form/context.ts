import type { Problem } from "../model/problems";
import type { Json } from "./schema";

/** One part of a definition while its form is open. */
export type Form = {
  value: Json;
  /** Change members; `undefined` takes one out. */
  set: (members: Json) => void;
  /** All that is wrong with the trigger, the rules or the step, by paths into it. */
  problems: readonly Problem[];
  /** Where `value` is in it: a dotted path, empty for the whole. */
  at: string;
  /** What is wrong with a member, or with something in it. */
  error: (member: string) => string | undefined;
  disabled: boolean;
};

export function formOf(
  value: Json,
  set: (members: Json) => void,
  problems: readonly Problem[],
  disabled = false,
): Form {
  return placedAt("", value, set, problems, disabled);
}

/** The form of an object inside another. */
export function inner(form: Form, member: string): Form {
  const value = (form.value[member] ?? {}) as Json;
  const set = (members: Json) => form.set({ [member]: merged(value, members) });
  return placedAt(pathOf(form, member), value, set, form.problems, form.disabled);
}

/** The form of one of a list. */
export function entry(form: Form, member: string, place: number): Form {
  const list = listOf(form, member);
  const value = list[place] ?? {};
  const set = (members: Json) =>
    form.set({ [member]: list.map((one, other) => (other === place ? merged(one, members) : one)) });
  return placedAt(pathOf(form, `${member}.${place}`), value, set, form.problems, form.disabled);
}

function placedAt(
  at: string,
  value: Json,
  set: (members: Json) => void,
  problems: readonly Problem[],
  disabled: boolean,
): Form {
  const error = (member: string) => {
    const path = [at, member].filter(Boolean).join(".");
    return problems.find((one) => one.field === path || (path !== "" && one.field.startsWith(`${path}.`)))
      ?.reason;
  };
  return { at, value, set, problems, disabled, error };
}

/** The path of a member within the whole. */
export function pathOf(form: Form, member: string): string {
  return form.at === "" ? member : `${form.at}.${member}`;
}

export function merged(value: Json, members: Json): Json {
  const next: Json = { ...value, ...members };
  for (const [name, one] of Object.entries(members)) if (one === undefined) delete next[name];
  return next;
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : value === undefined || value === null ? "" : String(value);
}

/** A member that is a list; empty where it is none. */
export function listOf(form: Form, member: string): Json[] {
  const value = form.value[member];
  return Array.isArray(value) ? (value as Json[]) : [];
}
