import { expect, test } from "vitest";
import { mentions } from "./mentions";

test("a segment is found in conditions and triggers, and only as a segment", () => {
  expect(mentions({ all: [{ list: 4 }, { not: { segment: 3 } }] }, 3)).toBe(true);
  expect(mentions({ trigger: { segment_id: 3, event: "enters" } }, 3)).toBe(true);
  expect(mentions({ all: [{ list: 3 }, { activity: "opened", campaign: 3 }] }, 3)).toBe(false);
  expect(mentions(null, 3)).toBe(false);
});
