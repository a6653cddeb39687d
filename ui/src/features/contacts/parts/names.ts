/** What things are called where people read them. */
import type { TFunction } from "i18next";
import i18next from "i18next";
import type { Person } from "../queries";

export function nameOf(person: Person): string {
  return (
    `${person.first_name} ${person.last_name}`.trim() ||
    person.email ||
    person.phone ||
    person.external_id ||
    `#${person.contact_id}`
  );
}

/** The word for a name of the server's; one that is not known here as it is. */
export function word(t: TFunction, group: string, name: string): string {
  const key = `contacts.${group}.${name}`;
  return i18next.exists(key) ? t(key as "contacts.states.none") : name.replaceAll("_", " ");
}

/** A value of a custom field as text. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(shown).join(", ");
  if (typeof value === "object") return JSON.stringify(value);
  if (typeof value === "boolean") return i18next.t(value ? "common.yes" : "common.no");
  return String(value);
}
