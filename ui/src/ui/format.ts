/** Numbers and times as the viewer writes them, in the viewer's zone. */
import i18next from "i18next";

export function number(value: number, options?: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(i18next.language, options).format(value);
}

/** 0.1234 as `12.3%`. */
export function percent(share: number, digits = 1): string {
  return number(share, { style: "percent", maximumFractionDigits: digits });
}

/** 12_345 as `12K`. */
export function short(value: number): string {
  return number(value, { notation: "compact", maximumFractionDigits: 1 });
}

export function money(value: number | string, currency: string): string {
  return number(Number(value), { style: "currency", currency, maximumFractionDigits: 2 });
}

type Moment = string | number | Date;

export function dateTime(value: Moment): string {
  return new Intl.DateTimeFormat(i18next.language, { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(value),
  );
}

export function date(value: Moment): string {
  return new Intl.DateTimeFormat(i18next.language, { dateStyle: "medium" }).format(new Date(value));
}

/** With seconds and the zone, for a tooltip. */
export function exact(value: Moment): string {
  return new Intl.DateTimeFormat(i18next.language, { dateStyle: "full", timeStyle: "long" }).format(
    new Date(value),
  );
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** `3 minutes ago`, `in 2 days`. */
export function ago(value: Moment, now: number = Date.now()): string {
  const seconds = (new Date(value).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(i18next.language, { numeric: "auto" });
  for (const [unit, length] of UNITS)
    if (Math.abs(seconds) >= length) return format.format(Math.round(seconds / length), unit);
  return format.format(Math.round(seconds), "second");
}
