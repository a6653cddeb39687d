import { expect, test } from "vitest";
import { circles, common } from "./venn";

test.each([
  ["some are in both", 1000, 600, 250],
  ["few are in both", 40, 2000, 3],
  ["nobody is in both", 500, 500, 0],
  ["one is within the other", 900, 100, 100],
] as [string, number, number, number][])("areas are as the numbers are when %s", (_, first, second, both) => {
  const drawn = circles(first, second, both);
  const unit = Math.PI / Math.max(first, second);
  expect(Math.PI * drawn.first ** 2).toBeCloseTo(first * unit, 6);
  expect(Math.PI * drawn.second ** 2).toBeCloseTo(second * unit, 6);
  expect(common(drawn.first, drawn.second, drawn.distance)).toBeCloseTo(both * unit, 3);
});

test("empty segments are drawn as nothing", () => {
  expect(circles(0, 0, 0)).toEqual({ first: 0, second: 0, distance: 0 });
});
