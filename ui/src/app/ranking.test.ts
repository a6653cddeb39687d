import { expect, test } from "vitest";
import { closeness, ranked } from "./ranking";

const order = (typed: string, names: string[]) => ranked(names, typed, (name) => name);

test("a name that begins so comes before one that only has it inside", () => {
  expect(order("camp", ["Spring encampment", "New campaign", "Campaigns"])).toEqual([
    "Campaigns",
    "New campaign",
    "Spring encampment",
  ]);
});

test("words fit in any order, and every one has to", () => {
  expect(closeness("campaign new", "New campaign")).toBeGreaterThan(0);
  expect(closeness("campaign old", "New campaign")).toBe(0);
});

test("accents and capitals make no difference", () => {
  expect(closeness("cafe", "Café")).toBe(100);
  expect(closeness("РОЗСИЛ", "Нова розсилка")).toBeGreaterThan(0);
});

test("nothing typed keeps everything in its order", () => {
  expect(order(" ", ["b", "a"])).toEqual(["b", "a"]);
});
