import { expect, test } from "vitest";
import { controlOf, fieldsOf, filled, missing } from "./schema";

test("each usual kind of value has its control, and anything else is JSON", () => {
  expect(controlOf({ type: "string" })).toBe("text");
  expect(controlOf({ type: ["string", "null"] })).toBe("text");
  expect(controlOf({ type: "string", enum: ["a", "b"] })).toBe("choice");
  expect(controlOf({ type: "integer" })).toBe("whole");
  expect(controlOf({ type: "number" })).toBe("number");
  expect(controlOf({ type: "boolean" })).toBe("truth");
  expect(controlOf({ type: "array", items: { type: "string" } })).toBe("texts");
  expect(controlOf({ type: "array", items: { type: "object" } })).toBe("json");
  expect(controlOf({ type: "object", properties: { a: { type: "string" } } })).toBe("group");
  expect(controlOf({ type: "object", properties: { a: { type: "string" } } }, 0)).toBe("json");
  expect(controlOf({ type: ["string", "number"] })).toBe("json");
  expect(controlOf({})).toBe("json");
});

test("fields that must be given come first", () => {
  const schema = { properties: { a: {}, b: {}, c: {} }, required: ["c"] };
  const { must, may } = fieldsOf(schema);
  expect(must.map(([name]) => name)).toEqual(["c"]);
  expect(may.map(([name]) => name)).toEqual(["a", "b"]);
});

test("what was left empty is not sent, false and zero are", () => {
  expect(filled({ a: "", b: undefined, c: false, d: 0, e: { f: "" }, g: { h: "x", i: "" } })).toEqual({
    c: false,
    d: 0,
    g: { h: "x" },
  });
});

test("what is required and missing is named by its path, of groups that were begun too", () => {
  const person = { type: "object", properties: { email: { type: "string" } }, required: ["email"] };
  const schema = { properties: { id: { type: "string" }, person }, required: ["id"] };
  expect(missing(schema, {})).toEqual(["id"]);
  expect(missing(schema, { id: "1", person: { email: "" } })).toEqual(["person.email"]);
  expect(missing(schema, { id: "1" })).toEqual([]);
});
