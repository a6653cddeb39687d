import { expect, test } from "vitest";
import type { Workflow } from "~/api/schema";
import { byCurrency } from "./money";
import { membersOf, shell } from "./parts/HowToSend";
import { summary } from "./parts/values";
import { daysBetween, momentsOf, utcDaysOf } from "./period";
import { eventSearch, ordersSearch } from "./searches";
import { stacked } from "./sheet";
import { startedBy } from "./triggers";

const NOON = new Date("2026-03-10T12:00:00Z");

test("a period is so many days with today, chosen days, or all time", () => {
  expect(utcDaysOf({}, 30, NOON)).toEqual({ since: "2026-02-09" });
  expect(utcDaysOf({ days: 7 }, 30, NOON)).toEqual({ since: "2026-03-04" });
  expect(utcDaysOf({ days: 0 }, 30, NOON)).toEqual({});
  expect(utcDaysOf({ days: 7, since: "2026-01-01" }, 30, NOON)).toEqual({ since: "2026-01-01" });
});

test("chosen days begin and end at the viewer's own midnights, the last day included", () => {
  const { since, until } = momentsOf({ since: "2026-03-28", until: "2026-03-29" }, 0);
  expect(since).toBe(new Date(2026, 2, 28).toISOString());
  expect(until).toBe(new Date(2026, 2, 30).toISOString());
});

test("the days between two go over the end of a month", () => {
  expect(daysBetween("2026-02-27", "2026-03-01")).toEqual(["2026-02-27", "2026-02-28", "2026-03-01"]);
});

test("what is written in an address and makes no sense is left out", () => {
  expect(eventSearch({ tab: "nothing", contact: "x", since: "yesterday", days: 7, parameter: 5 })).toEqual({
    days: 7,
    parameter: "5",
  });
  expect(ordersSearch({ least: 99.5, most: "a", number: 17, status: "" })).toEqual({
    least: "99.5",
    number: "17",
  });
});

test("amounts of different currencies are never added", () => {
  const row = { orders: 1, gross: "10.50", refunded: "0.50", net: "10.00" };
  expect(
    byCurrency([
      { ...row, currency: "UAH" },
      { ...row, currency: "EUR" },
      { ...row, currency: "EUR" },
    ]),
  ).toEqual([
    { currency: "EUR", orders: 2, gross: 21, refunded: 1, net: 20 },
    { currency: "UAH", orders: 1, gross: 10.5, refunded: 0.5, net: 10 },
  ]);
});

test("revenue of a day stands at that day of its series", () => {
  const found = [
    { day: "2026-03-02", source: "campaign" as const, net: "10" },
    { day: "2026-03-02", source: "campaign" as const, net: "5" },
    { day: "2026-03-01", source: "single" as const, net: "1" },
  ];
  expect(stacked(found, ["2026-03-01", "2026-03-02"]).sums).toEqual({
    campaign: [0, 15],
    workflow: [0, 0],
    single: [1, 0],
  });
});

test("what an event brought is told without the names of whom it is about", () => {
  expect(summary({ EmailAddress: "anna@example.com", sum: 5, empty: "", basket: { total: 1 } })).toBe(
    'sum: 5 · basket: {"total":1}',
  );
});

test("a command keeps quotes of a type within its own", () => {
  expect(shell("it's")).toBe(`'it'\\''s'`);
});

test("only an object is taken for parameters", () => {
  expect(membersOf('{"sum": 1}')).toEqual({ sum: 1 });
  expect(membersOf(" ")).toEqual({});
  expect(membersOf("[1]")).toBeUndefined();
  expect(membersOf("{")).toBeUndefined();
});

test("workflows are found by the events that start them, also those of pages and orders", () => {
  const named = (name: string, trigger: Workflow["definition"]["trigger"]) =>
    ({ name, definition: { trigger, steps: [] } }) as unknown as Workflow;
  const found = startedBy([
    named("paid", { type: "event", event_type: "invoicePaid" }),
    named("cart", { type: "page", what: "abandoned_cart" }),
    named("order", { type: "order", status: "DELIVERED" }),
    named("call", { type: "api" }),
  ]);
  expect([...found].map(([key, workflows]) => [key, workflows.map((one) => one.name)])).toEqual([
    ["invoicePaid", ["paid"]],
    ["AbandonedCart", ["cart"]],
    ["orderDELIVERED", ["order"]],
  ]);
});
