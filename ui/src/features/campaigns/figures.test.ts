import { describe, expect, test } from "vitest";
import type { Campaign, Compared } from "~/api/schema";
import { asItIs, daysOf, momentOf, onDay, plus, plusMonths } from "./calendar";
import { bestOf, idsOf } from "./comparing";
import { periodOf, spanOf } from "./periods";
import { calendarSearch, compareSearch, reportsSearch } from "./searches";

describe("a calendar", () => {
  test("has whole weeks from Monday on", () => {
    const november = daysOf("month", "2026-11-27");
    expect([november[0], november.at(-1), november.length]).toEqual(["2026-10-26", "2026-12-06", 42]);
    expect(daysOf("week", "2026-11-29")).toEqual([
      "2026-11-23",
      "2026-11-24",
      "2026-11-25",
      "2026-11-26",
      "2026-11-27",
      "2026-11-28",
      "2026-11-29",
    ]);
  });
  test("steps over ends of months and years", () => {
    expect(plusMonths("2026-01-31", 1)).toBe("2026-02-28");
    expect(plusMonths("2026-12-15", 1)).toBe("2027-01-15");
    expect(plus("2026-12-31", 1)).toBe("2027-01-01");
  });
  test("moves a campaign to another day at the time of day it has", () => {
    const at = { scheduled_at: new Date("2026-11-27T09:30:00").toISOString() } as Campaign;
    expect(onDay(at, "2026-12-01")).toEqual({ at: new Date("2026-12-01T09:30:00").toISOString() });
    expect(asItIs(at)).toEqual({ at: at.scheduled_at });
    const local = { local_at: "2026-11-27T09:30:00", late: "skip" } as Campaign;
    expect(momentOf(local)).toBe("2026-11-27T09:30");
    expect(onDay(local, "2026-12-01")).toEqual({ local_at: "2026-12-01T09:30:00", late: "skip" });
  });
});

describe("a comparison", () => {
  const one = { campaign_id: 1, sent: 100, open_rate: 0.2, bounce_rate: 0.01 } as Compared;
  const two = { campaign_id: 2, sent: 50, open_rate: 0.4, bounce_rate: 0.05 } as Compared;
  const unsent = { campaign_id: 3, sent: 0, open_rate: 0, bounce_rate: 0 } as Compared;
  test("marks the best among those that were sent, of complaints the fewest", () => {
    expect(bestOf([one, two, unsent], "open_rate")).toEqual([2]);
    expect(bestOf([one, two, unsent], "bounce_rate")).toEqual([1]);
    expect(bestOf([one, { ...two, open_rate: 0.2 }], "open_rate")).toEqual([]);
    expect(bestOf([one, unsent], "open_rate")).toEqual([]);
  });
  test("takes ids from an address", () => {
    expect(idsOf(compareSearch({ ids: "3,1,x,3,-2" }).ids)).toEqual([3, 1]);
    expect(idsOf(compareSearch({ ids: 7 }).ids)).toEqual([7]);
  });
});

describe("a period", () => {
  const now = new Date("2026-11-27T12:00:00");
  test("is the last days, those of the address, or a campaign's whole life", () => {
    expect(periodOf({}, now)).toEqual({ since: "2026-10-29", until: "2026-11-27" });
    expect(periodOf({ days: 7, campaign: 3 }, now)).toEqual({ since: "2026-11-21", until: "2026-11-27" });
    expect(periodOf({ since: "2026-03-01", until: "2026-02-01" }, now)).toEqual({
      since: "2026-02-01",
      until: "2026-03-01",
    });
    expect(periodOf({ campaign: 3 }, now)).toEqual({});
    expect(spanOf({ since: "2026-01-01", until: "2026-12-31" })).toBe("week");
  });
  test("leaves out what is no day", () => {
    expect(calendarSearch({ day: "2026-02-30" }).day).toBeUndefined();
    expect(reportsSearch({ since: "soon", campaign: "x", days: 8 })).toEqual({});
  });
});
