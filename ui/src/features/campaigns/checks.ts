/** What may stand in the way of a launch. Pure: the words are the page's. */
import type { AudienceCount, ContentModelFinding, DomainView, Sender } from "~/api/schema";
import { type Draft, isPast, type Lack, lacks, type When } from "./draft";

export type Check =
  | { kind: "lack"; lack: Lack; severity: "error" }
  | { kind: "nobody"; severity: "error" }
  | { kind: "past"; severity: "error" }
  | { kind: "many"; share: number; severity: "warning" }
  | { kind: "finding"; template: number; message: string; severity: "error" | "warning" }
  | { kind: "sender"; name: string; problem: string; severity: "error" }
  | { kind: "domain"; domain: string; severity: "warning" }
  | { kind: "inbox"; severity: "warning" };

/** Above this share of people left out the audience is rarely what was meant. */
const MANY = 0.3;

export type Known = {
  count: AudienceCount | undefined;
  /** By template. */
  findings: ReadonlyMap<number, readonly ContentModelFinding[]>;
  /** Those that send it. */
  senders: readonly Sender[];
  domains: readonly DomainView[];
};

export function checksOf(draft: Draft, when: When, known: Known, now = new Date()): Check[] {
  const found: Check[] = lacks(draft).map((lack) => ({ kind: "lack", lack, severity: "error" }));
  const { count } = known;
  if (count && count.recipients === 0) found.push({ kind: "nobody", severity: "error" });
  else if (count && count.matched > 0) {
    const share = 1 - count.recipients / count.matched;
    if (share > MANY) found.push({ kind: "many", share, severity: "warning" });
  }
  if (isPast(when, now)) found.push({ kind: "past", severity: "error" });
  for (const [template, findings] of known.findings)
    for (const { message, severity } of findings)
      found.push({ kind: "finding", template, message, severity });
  for (const sender of known.senders) {
    if (sender.problem !== "")
      found.push({ kind: "sender", name: sender.name, problem: sender.problem, severity: "error" });
    if (sender.kind === "inbox") found.push({ kind: "inbox", severity: "warning" });
    const domain = sender.from_email.split("@")[1];
    if (sender.kind === "smtp" && domain && !isProven(domain, known.domains))
      found.push({ kind: "domain", domain, severity: "warning" });
  }
  return found;
}

/** The domain itself or one above it. */
function isProven(domain: string, domains: readonly DomainView[]): boolean {
  return domains.some((one) => one.verified && (domain === one.domain || domain.endsWith(`.${one.domain}`)));
}
