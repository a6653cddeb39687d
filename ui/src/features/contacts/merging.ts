/** What becomes of two contacts that are made one: by the rules of the server's merge. */
import { MEMBERS } from "~/api/contacts";
import type { Person } from "./queries";

/** One value of the two: of a member, or of a custom field (`fields.size`), by the name that the server takes. */
export type Row = {
  name: string;
  one: unknown;
  other: unknown;
  /** Both have a value, and not the same: one may choose. */
  differs: boolean;
};

const STATES = ["none", "unconfirmed", "subscribed", "unsubscribed"] as const;
export type State = (typeof STATES)[number];

/** Rows of what either has. */
export function rowsOf(one: Person, other: Person): Row[] {
  const members = ["email", "phone", ...MEMBERS] as const;
  const fields = new Set([...Object.keys(one.fields), ...Object.keys(other.fields)]);
  return [
    ...members.map((name) => row(name, one[name], other[name])),
    ...[...fields].sort().map((key) => row(`fields.${key}`, one.fields[key], other.fields[key])),
  ].filter((each) => !isBlank(each.one) || !isBlank(each.other));
}

function row(name: string, one: unknown, other: unknown): Row {
  const differs = !isBlank(one) && !isBlank(other) && JSON.stringify(one) !== JSON.stringify(other);
  return { name, one, other, differs };
}

function isBlank(value: unknown): boolean {
  return value === null || value === undefined || value === "";
}

/** The stricter of two states: who left stays away, and nothing known gives way. */
export function stricter(one: string, other: string): State {
  const [less, more] = [one, other].map((state) => STATES.indexOf(state as State)).sort() as [number, number];
  const stays = more === STATES.indexOf("unsubscribed") || less === STATES.indexOf("none") ? more : less;
  return STATES[stays] ?? "none";
}
