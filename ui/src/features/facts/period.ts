/** Spans of days, as pages name and the server takes them. */

/** Either so many days up to today (0: all time), or days from one to another, both included. */
export type Span = { days?: number; since?: string; until?: string };

export const ALL = 0;
const DAY = 86_400_000;

/** Moments of the viewer's own days, the end not included. */
export function momentsOf(span: Span, usual: number, now = new Date()): { since?: string; until?: string } {
  const { since, until } = spanned(span, usual, localDay(now));
  return {
    since: since && new Date(`${since}T00:00`).toISOString(),
    until: until && new Date(`${dayBefore(until, -1)}T00:00`).toISOString(),
  };
}

/** Days of the server's reports, which are those of UTC, both included. */
export function utcDaysOf(span: Span, usual: number, now = new Date()): { since?: string; until?: string } {
  return spanned(span, usual, now.toISOString().slice(0, 10));
}

function spanned(span: Span, usual: number, today: string): { since?: string; until?: string } {
  if (span.since || span.until) return { since: span.since, until: span.until };
  const days = span.days ?? usual;
  return days === ALL ? {} : { since: dayBefore(today, days - 1) };
}

/** The days from one to another, both included; a year and a half at most. */
export function daysBetween(since: string, until: string): string[] {
  const found: string[] = [];
  for (let day = since; day <= until && found.length < 550; day = dayBefore(day, -1)) found.push(day);
  return found;
}

export function dayBefore(day: string, days: number): string {
  return new Date(Date.parse(day) - days * DAY).toISOString().slice(0, 10);
}

export function localDay(moment: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
}
