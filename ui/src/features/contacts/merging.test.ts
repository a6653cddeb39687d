import { expect, test } from "vitest";
import { rowsOf, stricter } from "./merging";
import type { Person } from "./queries";

const nobody = { email: null, phone: null, first_name: "", city: "", fields: {} };
const person = (said: object) => ({ ...nobody, ...said }) as unknown as Person;

test("of what both have one may choose, what one of them has is shown, what neither has is not", () => {
  const one = person({ email: "a@example.com", city: "Kyiv", fields: { size: "S", tags: ["a"] } });
  const other = person({
    email: "b@example.com",
    phone: "+380441234567",
    city: "Kyiv",
    fields: { tags: ["a", "b"] },
  });
  expect(rowsOf(one, other).map((row) => [row.name, row.differs])).toEqual([
    ["email", true],
    ["phone", false],
    ["city", false],
    ["fields.size", false],
    ["fields.tags", true],
  ]);
});

test("of consent the stricter stays, and nothing known gives way", () => {
  expect(stricter("subscribed", "unsubscribed")).toBe("unsubscribed");
  expect(stricter("none", "unsubscribed")).toBe("unsubscribed");
  expect(stricter("subscribed", "unconfirmed")).toBe("unconfirmed");
  expect(stricter("none", "subscribed")).toBe("subscribed");
  expect(stricter("none", "none")).toBe("none");
});
