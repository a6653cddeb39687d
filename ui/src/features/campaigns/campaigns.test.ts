import { expect, test } from "vitest";
import type { Report } from "~/api/schema";
import { checksOf } from "./checks";
import { freshDraft, inputOf, isPast, lacks, moved } from "./draft";
import { paceOf, partsOf } from "./progress";

const written = {
  ...freshDraft("Winter"),
  audience: { ...freshDraft("").audience, lists: [2] },
  ways: [
    { template_id: 1, sender_id: null },
    { template_id: 5, sender_id: 3 },
  ],
};
const known = { count: undefined, findings: new Map(), senders: [], domains: [] };

test("a draft says what it lacks, and is kept only when nothing lacks", () => {
  expect(lacks(freshDraft(" "))).toEqual(["name", "audience", "content"]);
  expect(inputOf(freshDraft("Winter"))).toBeNull();
  expect(inputOf(written)).toMatchObject({
    template_id: 1,
    alternatives: [{ template_id: 5, sender_id: 3 }],
  });
});

test("channels change places, and those at the ends stay", () => {
  expect(moved(["a", "b", "c"], 1, -1)).toEqual(["b", "a", "c"]);
  expect(moved(["a", "b", "c"], 2, 1)).toEqual(["a", "b", "c"]);
});

test("a time that has passed stands in the way of a launch, and so does an audience of nobody", () => {
  const now = new Date("2026-11-27T12:00:00");
  const when = { kind: "at", at: "2026-11-27T11:59" } as const;
  expect(isPast(when, now)).toBe(true);
  const count = { matched: 5, recipients: 0, excluded: {}, channels: {}, categories: [] };
  const kinds = checksOf(written, when, { ...known, count }, now).map((check) => check.kind);
  expect(kinds).toEqual(["nobody", "past"]);
});

test("parts of a campaign add up to its audience", () => {
  const report = {
    audience: 20, sent: 10, failed: 2, uncertain: 1, excluded: { suppressed: 2, unsubscribed: 1 },
    cancelled: 0, retrying: 1, waiting: 3,
  } as unknown as Report; // biome-ignore format: one line a thought
  expect(partsOf(report).reduce((sum, part) => sum + part.count, 0)).toBe(20);
  expect(partsOf(report).map((part) => part.name)).not.toContain("cancelled");
});

test("the pace is that of the samples, and nothing is said before there is one", () => {
  expect(paceOf([{ at: 0, done: 5 }], 10)).toBeUndefined();
  expect(
    paceOf(
      [
        { at: 0, done: 0 },
        { at: 60_000, done: 100 },
      ],
      50,
    ),
  ).toEqual({ perMinute: 100, minutesLeft: 0.5 });
});
