/** The segment language as the builder reads it (docs/segments.md): what a part of a tree is, and whether a row can show all of it. */

export type Tree = { [member: string]: unknown };

export const KINDS = [
  "field",
  "email_domain",
  "list",
  "segment",
  "subscription",
  "category",
  "activity",
  "event",
  "orders",
  "rfm",
  "engagement",
  "prediction",
] as const;
export type Kind = (typeof KINDS)[number];

export const EVERYONE: Tree = { all: [] };

/** What a new row begins as. */
export function begin(kind: Kind): Tree {
  switch (kind) {
    case "field":
      return { field: "", op: "equals" };
    case "email_domain":
      return { email_domain: [] };
    case "subscription":
      return { subscription: "email", is: "subscribed" };
    case "category":
      return { category: "" };
    case "activity":
      return { activity: "opened", in_last_days: 30 };
    case "event":
      return { event: "" };
    case "orders":
      return { orders: "count", at_least: 1 };
    case "prediction":
      return { prediction: "churn", op: "at_least" };
    case "rfm":
      return { rfm: {} };
    case "engagement":
      return { engagement: {} };
    default:
      return { [kind]: null };
  }
}

export type GroupWord = "all" | "any";

/** `all` or `any` where the part is a group, and nothing else. */
export function groupOf(tree: Tree): GroupWord | undefined {
  const members = Object.keys(tree);
  if (members.length !== 1) return undefined;
  const word = members[0];
  return (word === "all" || word === "any") && isTrees(tree[word]) ? word : undefined;
}

/** What a negation is of. */
export function negatedOf(tree: Tree): Tree | undefined {
  return isTree(tree.not) && Object.keys(tree).length === 1 ? tree.not : undefined;
}

export function kindOf(tree: Tree): Kind | undefined {
  return KINDS.find((kind) => kind in tree);
}

const WINDOW = ["in_last_days", "from", "to"];
const COUNT = ["at_least", "at_most"];

/** Whether a row shows every member of this leaf; what it cannot show stays as JSON, so that nothing is lost. */
export function hasRow(tree: Tree): boolean {
  const kind = kindOf(tree);
  switch (kind) {
    case undefined:
      return false;
    case "field":
      return (
        only(tree, "field", "op", "value") && isText(tree.field) && isText(tree.op) && isValue(tree.value)
      );
    case "email_domain":
      return only(tree, kind) && (isText(tree[kind]) || isTexts(tree[kind]));
    case "list":
    case "segment":
      return only(tree, kind) && (tree[kind] === null || isNumber(tree[kind]));
    case "subscription":
      return only(tree, kind, "is") && isText(tree[kind]) && isText(tree.is);
    case "category":
      return only(tree, kind) && isText(tree[kind]);
    case "activity":
      return (
        only(tree, kind, "campaign", "channel", "link", ...COUNT, ...WINDOW) &&
        isText(tree[kind]) &&
        [tree.campaign, tree.link, tree.at_least, tree.at_most].every(isNumberOrNone) &&
        isTextOrNone(tree.channel) &&
        isWindow(tree)
      );
    case "event":
      return (
        only(tree, kind, "where", "which", ...COUNT, ...WINDOW) &&
        isText(tree[kind]) &&
        isTextOrNone(tree.which) &&
        [tree.at_least, tree.at_most].every(isNumberOrNone) &&
        (tree.where === undefined || (isTrees(tree.where) && tree.where.every(isParameter))) &&
        isWindow(tree)
      );
    case "orders":
      return (
        only(tree, kind, "op", "value", "where", ...COUNT, ...WINDOW) &&
        isText(tree[kind]) &&
        isTextOrNone(tree.op) &&
        (tree.value === undefined || isNumber(tree.value) || isText(tree.value)) &&
        [tree.at_least, tree.at_most].every(isNumberOrNone) &&
        (tree.where === undefined || isOrderFilter(tree.where)) &&
        isWindow(tree)
      );
    case "prediction":
      return (
        only(tree, kind, "op", "value") &&
        isText(tree[kind]) &&
        isText(tree.op) &&
        (tree.value === undefined || isNumber(tree.value) || isText(tree.value))
      );
    case "rfm": {
      const given = tree.rfm;
      if (!only(tree, kind) || !isTree(given)) return false;
      if (!only(given, "class", "recency", "frequency", "monetary")) return false;
      const scores = [given.recency, given.frequency, given.monetary];
      return (
        (given.class === undefined || isTexts(given.class)) &&
        scores.every(
          (one) =>
            one === undefined ||
            (isTree(one) && only(one, ...COUNT) && Object.values(one).every(isNumberOrNone)),
        )
      );
    }
    case "engagement": {
      const given = tree.engagement;
      return (
        only(tree, kind) &&
        isTree(given) &&
        only(given, "band", ...COUNT) &&
        (given.band === undefined || isTexts(given.band)) &&
        [given.at_least, given.at_most].every(isNumberOrNone)
      );
    }
  }
}

/** Operators that ask for no value. */
export const BARE = ["is_set", "is_empty"];

/** Whether something has still to be chosen or filled in, so that there is no need to ask the server. */
export function isUnfinished(tree: Tree): boolean {
  const group = groupOf(tree);
  if (group) return (tree[group] as Tree[]).some(isUnfinished);
  const inner = negatedOf(tree);
  if (inner) return isUnfinished(inner);
  if (!hasRow(tree)) return false;
  const kind = kindOf(tree);
  switch (kind) {
    case "field":
      return tree.field === "" || lacksValue(tree);
    case "email_domain":
      return isEmpty(tree.email_domain);
    case "list":
    case "segment":
      return tree[kind] === null;
    case "category":
      return tree.category === "";
    case "event":
      return (
        tree.event === "" ||
        ((tree.where ?? []) as Tree[]).some((part) => part.param === "" || lacksValue(part)) ||
        (tree.which !== undefined && !WINDOW.some((member) => member in tree))
      );
    case "orders":
      return tree.op !== undefined && isEmpty(tree.value);
    case "prediction":
      return lacksValue(tree);
    case "rfm":
    case "engagement":
      return Object.keys(tree[kind] as Tree).length === 0;
    default:
      return false;
  }
}

function lacksValue(tree: Tree): boolean {
  return !BARE.includes(String(tree.op)) && isEmpty(tree.value);
}

/** The tree without members that are undefined. */
export function changed(tree: Tree, change: Tree): Tree {
  return Object.fromEntries(
    Object.entries({ ...tree, ...change }).filter(([, value]) => value !== undefined),
  );
}

/** A condition as part of an address: base64url of its JSON. */
export function toAddress(tree: Tree): string {
  const bytes = new TextEncoder().encode(JSON.stringify(tree));
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** A condition of an address, written by {@link toAddress} or as plain JSON; undefined: it is none. */
export function fromAddress(given: unknown): Tree | undefined {
  if (isTree(given)) return given;
  if (!isText(given)) return undefined;
  try {
    const text = given.startsWith("{")
      ? given
      : new TextDecoder().decode(
          Uint8Array.from(atob(given.replaceAll("-", "+").replaceAll("_", "/")), (sign) =>
            sign.charCodeAt(0),
          ),
        );
    const tree: unknown = JSON.parse(text);
    return isTree(tree) ? tree : undefined;
  } catch {
    return undefined;
  }
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTrees(value: unknown): value is Tree[] {
  return Array.isArray(value) && value.every(isTree);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

const isNumberOrNone = (value: unknown) => value === undefined || isNumber(value);
const isTextOrNone = (value: unknown) => value === undefined || isText(value);

function isValue(value: unknown): boolean {
  return (
    value === undefined || isText(value) || isNumber(value) || typeof value === "boolean" || isTexts(value)
  );
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0)
  );
}

function isWindow(tree: Tree): boolean {
  return (
    isNumberOrNone(tree.in_last_days) &&
    isTextOrNone(tree.from) &&
    isTextOrNone(tree.to) &&
    !(tree.in_last_days !== undefined && (tree.from !== undefined || tree.to !== undefined))
  );
}

function isParameter(part: Tree): boolean {
  return only(part, "param", "op", "value") && isText(part.param) && isText(part.op) && isValue(part.value);
}

function isOrderFilter(where: unknown): boolean {
  return (
    isTree(where) &&
    only(where, "status", "item", "category", "currency") &&
    (where.status === undefined || isTexts(where.status)) &&
    [where.item, where.category, where.currency].every(isTextOrNone)
  );
}

function only(tree: Tree, ...members: string[]): boolean {
  return Object.keys(tree).every((member) => members.includes(member));
}
