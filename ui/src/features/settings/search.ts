/** What stands in the addresses of these pages. */

/** Why an address is suppressed, in the server's words. */
export const REASONS = ["hard bounce", "complaint", "unsubscribed", "manual"] as const;

export type SuppressionSearch = {
  channel?: "email" | "sms" | "webpush";
  reason?: (typeof REASONS)[number];
  prefix?: string;
};

type Given = Record<string, unknown>;

function oneOf<Value extends string>(given: unknown, known: readonly Value[]): Value | undefined {
  return known.find((one) => one === given);
}

function text(given: unknown): string | undefined {
  if (typeof given === "number") return String(given);
  return typeof given === "string" && given !== "" ? given : undefined;
}

export function suppressionSearch(given: Given): SuppressionSearch {
  return {
    channel: oneOf(given.channel, ["email", "sms", "webpush"] as const),
    reason: oneOf(given.reason, REASONS),
    prefix: text(given.prefix),
  };
}

export type AuditSearch = { actor?: string; action?: string };

export function auditSearch(given: Given): AuditSearch {
  return { actor: text(given.actor), action: text(given.action) };
}

export type InboxSearch = { to?: string; mail?: number; view?: "text" | "headers" };

export function inboxSearch(given: Given): InboxSearch {
  const mail = Number(given.mail);
  return {
    to: text(given.to),
    mail: Number.isSafeInteger(mail) && mail > 0 ? mail : undefined,
    view: oneOf(given.view, ["text", "headers"] as const),
  };
}
