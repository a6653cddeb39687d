/** Values of parameters as text. */
const LONGEST = 200;

export function shown(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What an event brought, on a line. Names of people stand beside it already. */
const NAMING = new Set([
  "emailaddress",
  "email",
  "phone",
  "sms",
  "contactid",
  "externalcustomerid",
  "eventkey",
]);

export function summary(params: Readonly<Record<string, unknown>>): string {
  return Object.entries(params)
    .filter(([name, value]) => !NAMING.has(name.toLowerCase()) && value !== null && value !== "")
    .map(([name, value]) => `${name}: ${cut(shown(value))}`)
    .join(" · ");
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
