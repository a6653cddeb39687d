import { expect, test } from "vitest";
import { heat } from "./heat";

test("a cell with anybody differs from an empty one, and only the fullest is the darkest", () => {
  expect([heat(0, 1000), heat(1, 1000), heat(250, 1000), heat(1000, 1000)]).toEqual([0, 1, 3, 5]);
  expect(heat(3, 0)).toBe(0);
});
