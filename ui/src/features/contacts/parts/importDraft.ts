/** An import before it is started. */
import type { ColumnTarget, ImportInput, MergeMode, Overrides, Proposal } from "~/api/schema";

export type Key = "email" | "phone" | "external_id" | "contact_key";
/** What happens to those who are known: the server's modes. */
export type Mode = MergeMode;

export type Draft = {
  proposal: Proposal;
  mapping: ColumnTarget[];
  overrides: Overrides;
  key: Key;
  mode: Mode;
  lists: string[];
  listName: string;
  consent: "" | "subscribed" | "unconfirmed" | "none";
  phoneRegion: string;
};

export const KEYS: readonly Key[] = ["email", "phone", "external_id", "contact_key"];

export function firstDraft(proposal: Proposal, list: number | undefined): Draft {
  const mapping = proposal.columns.map((column) => column.target);
  return {
    proposal,
    mapping,
    overrides: {},
    key: keyOf(mapping),
    mode: "overwrite",
    lists: list ? [String(list)] : [],
    listName: "",
    consent: "",
    phoneRegion: "",
  };
}

/** The first key that a column goes to. */
export function keyOf(mapping: readonly ColumnTarget[]): Key {
  return KEYS.find((key) => mapping.some((one) => one.target === key)) ?? "email";
}

/** What is wrong with where the columns go: two columns of one target, or nothing that says who a row is. */
export function faultOf(mapping: readonly ColumnTarget[]): "twice" | "nobody" | undefined {
  const single = mapping
    .map((one) => one.target ?? "")
    .filter((one) => !["", "emails", "phones"].includes(one));
  if (new Set(single).size < single.length) return "twice";
  return KEYS.some((key) => single.includes(key)) ? undefined : "nobody";
}

export function inputOf(draft: Draft): ImportInput {
  return {
    upload_id: draft.proposal.file.upload_id,
    mapping: draft.mapping,
    key: draft.key,
    mode: draft.mode,
    lists: draft.lists.map(Number),
    list_name: draft.listName.trim(),
    consent: draft.consent || "none",
    phone_region: draft.phoneRegion.trim().toUpperCase(),
    overrides: draft.overrides,
  };
}
