import type { ContactsPerson as Person } from "~/api/schema";

/** `Olha Koval · olha@example.com`: how a contact is called where one is chosen among many. */
export function nameOf(person: Person): string {
  const name = [person.first_name, person.last_name].filter(Boolean).join(" ");
  const address = person.email || person.phone || person.external_id || String(person.contact_id);
  return name ? `${name} · ${address}` : address;
}
