import { expect, test } from "vitest";
import { begin, fromAddress, hasRow, isUnfinished, KINDS, kindOf, type Tree, toAddress } from "./tree";

/** Examples of docs/segments.md, one of each kind and shape. */
const EXAMPLES: [string, Tree][] = [
  ["a field", { field: "city", op: "in", value: ["Kyiv", "Lviv"] }],
  ["a field that is empty", { field: "time_zone", op: "is_empty" }],
  ["a yes", { field: "vip", op: "equals", value: true }],
  ["an anniversary", { field: "birthday", op: "anniversary_in_next_days", value: 7 }],
  ["bands", { engagement: { band: ["active", "warm"] } }],
  ["one domain", { email_domain: "gmail.com" }],
  ["a list", { list: 5 }],
  ["consent", { subscription: "email", is: "subscribed" }],
  ["a category", { category: "news" }],
  ["a count of opens", { activity: "opened", at_least: 3, in_last_days: 30 }],
  ["a link", { activity: "clicked", campaign: 7, link: 2 }],
  ["an event", { event: "viewed", where: [{ param: "price", op: "at_least", value: 50 }], in_last_days: 14 }],
  ["the first event", { event: "cart", which: "first", in_last_days: 1 }],
  ["a sum", { orders: "sum", op: "at_least", value: 1000, where: { currency: "UAH" }, in_last_days: 365 }],
  ["the last order", { orders: "last_at", op: "less", value: "2026-06-01T00:00:00Z" }],
  ["a prediction", { prediction: "next_order", op: "in_next_days", value: 7 }],
  ["scores", { rfm: { class: ["champions"], recency: { at_least: 4 } } }],
];

test.each(EXAMPLES)("%s has a row and is complete", (_, tree) => {
  expect([hasRow(tree), isUnfinished(tree)]).toEqual([true, false]);
});

test.each([
  ["a member that is not known", { list: 5, since: "2026" }],
  ["a value of another kind", { field: "city", op: "equals", value: { any: 1 } }],
  ["a window that is two", { activity: "opened", in_last_days: 3, from: "2026-01-01T00:00:00Z" }],
  ["a leaf that is not known", { weather: "rain" }],
] as [string, Tree][])("%s has no row, so that nothing of it is lost", (_, tree) => {
  expect(hasRow(tree)).toBe(false);
});

test.each(KINDS.map((kind) => [kind]))("a new row for %s is one that can be shown", (kind) => {
  expect([kindOf(begin(kind)), hasRow(begin(kind))]).toEqual([kind, true]);
});

test("what is missing deep inside is found", () => {
  const tree = { all: [{ list: 1 }, { not: { any: [{ field: "", op: "equals" }] } }] };
  expect(isUnfinished(tree)).toBe(true);
  expect(isUnfinished({ all: [{ list: 1 }, { weather: null }] })).toBe(false);
});

test("a condition passes through an address in any script, and what is none is refused", () => {
  const tree = { field: "city", op: "equals", value: "Київ 🏙 ?&=/+" };
  expect(toAddress(tree)).toMatch(/^[\w-]+$/);
  expect(fromAddress(toAddress(tree))).toEqual(tree);
  expect(fromAddress(JSON.stringify(tree))).toEqual(tree);
  expect([fromAddress("%%%"), fromAddress(7), fromAddress(btoa("[1]"))]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
