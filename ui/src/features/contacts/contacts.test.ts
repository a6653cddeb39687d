import { expect, test } from "vitest";
import type { CustomField } from "~/api/schema";
import { conditionOf } from "./condition";
import { sentValue, typedValue } from "./parts/FieldInput";
import { faultOf, keyOf } from "./parts/importDraft";
import { keyFor } from "./parts/keys";
import { changes, valuesOf } from "./parts/Profile";
import type { Person } from "./queries";
import { contactsSearch } from "./searches";

test("no filters are no condition, one is itself, several must all hold", () => {
  expect(conditionOf({})).toBeUndefined();
  expect(conditionOf({ list: 2 })).toEqual({ list: 2 });
  expect(conditionOf({ condition: { segment: 1 }, list: 2, subscription: "sms:none", band: "warm" })).toEqual(
    {
      all: [
        { segment: 1 },
        { list: 2 },
        { subscription: "sms", is: "none" },
        { engagement: { band: ["warm"] } },
      ],
    },
  );
});

test("an address with nonsense is read as one without it", () => {
  const given = {
    list: -1,
    segment: "x",
    subscription: "fax:yes",
    order: "tallest",
    condition: "[",
    search: 380,
  };
  expect(contactsSearch(given)).toEqual({ search: "380" });
});

test("only what was changed is sent, and what was emptied is cleared", () => {
  const fields = [
    { field_id: 1, key: "points", name: "Points", type: "number", choices: [] },
    { field_id: 2, key: "vip", name: "VIP", type: "boolean", choices: [] },
    { field_id: 3, key: "tags", name: "Tags", type: "multichoice", choices: ["a", "b"] },
  ] as CustomField[];
  const person = { email: "a@example.com", city: "Kyiv", fields: { points: 3, vip: true, tags: ["a"] } };
  const before = valuesOf(person as unknown as Person, fields);
  expect(changes(before, before, fields)).toEqual({});
  const after = { ...before, city: "", custom_points: "", custom_vip: "false", custom_tags: ["a", "b"] };
  expect(changes(before, after, fields)).toEqual({
    city: "",
    fields: { points: null, vip: false, tags: ["a", "b"] },
  });
});

test("a moment is typed in the viewer's zone and kept as the same moment", () => {
  const kept = "2026-05-03T08:30:00.000Z";
  expect(sentValue("datetime", typedValue("datetime", kept))).toBe(kept);
});

test.each([
  ["Дата візиту", "data_vizytu"],
  ["  Shoe size (EU) ", "shoe_size_eu"],
  ["Ціль №1", "tsil_no1"],
  ["2nd address", "field_2nd_address"],
  ["日本", ""],
])("the key of a field called %s", (name, key) => {
  expect(keyFor(name)).toBe(key);
});

test("an import needs somebody to recognise, and one column for a place", () => {
  expect(faultOf([{ target: "city" }])).toBe("nobody");
  expect(faultOf([{ target: "email" }, { target: "email" }])).toBe("twice");
  expect(
    faultOf([{ target: "phone" }, { target: "emails" }, { target: "emails" }, { target: "" }]),
  ).toBeUndefined();
  expect(keyOf([{ target: "phone" }, { target: "city" }])).toBe("phone");
});
