import { expect, test } from "vitest";
import { spread } from "./Conditions";

test("parts that exclude each other are each told so, and other errors stay at their place", () => {
  const reason = "nobody can match: condition.all.1 and condition.any.0.all.2 exclude each other";
  const wrong = { field: "condition.all.2.value", reason: "must be a number" };
  expect(spread([{ field: "condition", reason }, wrong], "condition")).toEqual([
    { field: "condition.all.1", reason },
    { field: "condition.any.0.all.2", reason },
    wrong,
  ]);
});
