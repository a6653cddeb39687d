import { describe, expect, it } from "vitest";
import {
  blank,
  compare,
  copied,
  type Definition,
  END,
  insert,
  lead,
  ordered,
  reached,
  read,
  remove,
  START,
  ways,
  write,
} from "./definition";
import { begin, push, redo, undo } from "./history";
import { placed } from "./problems";

const welcome = {
  trigger: { type: "event", event_type: "registration" },
  steps: [
    { type: "send_email", id: "hello", template_id: 1 },
    { type: "wait", id: "rest", days: 2 },
    { type: "condition", id: "where", condition: { all: [] }, otherwise: "late" },
    { type: "send_email", id: "best", template_id: 2, next: END },
    { type: "stop", id: "late" },
  ],
};

describe("a definition", () => {
  it("is written as it was read", () => {
    expect(write(read(welcome))).toEqual({ format: 2, ...welcome });
  });
  it("keeps a goal that nobody walks to behind the rest", () => {
    const given = { ...welcome, steps: [...welcome.steps, { type: "goal", id: "bought", event_type: "x" }] };
    expect(write(read(given)).steps).toEqual(given.steps);
  });
  it("survives what cannot run", () => {
    expect(read(undefined).steps).toEqual([]);
    expect(read({ steps: [{ type: "teleport" }, 3] }).steps.map((step) => step.id)).toEqual(["step-1"]);
  });
  it("takes a step in where a way leads", () => {
    const { definition, ids } = insert(read(welcome), "where", "otherwise", [blank("wait")]);
    expect(ids).toEqual(["wait"]);
    expect(ways(definition.steps.find((step) => step.id === "where") as never)[1]?.to).toBe("wait");
    expect(ways(definition.steps.find((step) => step.id === "wait") as never)[0]?.to).toBe("late");
  });
  it("begins with what is put at its beginning", () => {
    const { definition } = insert(read(welcome), START, "next", [blank("split")]);
    expect(ordered(definition)[0]?.type).toBe("split");
    expect(ways(ordered(definition)[0] as never).map((way) => way.to)).toEqual(["hello", "hello"]);
  });
  it("closes over a step that is taken out, and drops what nobody comes to", () => {
    const without = remove(read(welcome), ["where"]);
    expect(without.steps.map((step) => step.id)).toEqual(["hello", "rest", "best"]);
    expect(remove(read(welcome), ["hello"]).steps[0]?.id).toBe("rest");
    expect(remove(read({ ...welcome, steps: [{ type: "stop", id: "a" }] }), ["a"]).steps).toEqual([]);
  });
  it("copies steps with the ways between them and new names", () => {
    const parts = copied(read(welcome), ["rest", "where"]);
    const { definition, ids } = insert(read(welcome), "best", "next", parts);
    expect(ids).toEqual(["rest-2", "where-2"]);
    expect(definition.steps.find((step) => step.id === "rest-2")?.next).toBe("where-2");
    expect(definition.steps.find((step) => step.id === "where-2")?.otherwise).toBe(END);
  });
  it("finds loops reached and tells what differs", () => {
    const looped = lead(read(welcome), "best", "next", "rest");
    expect(reached(looped).size).toBe(5);
    expect(compare(read(welcome), looped)).toEqual([{ id: "best", kind: "moved" }]);
    const fewer: Definition = remove(read(welcome), ["rest"]);
    expect(compare(read(welcome), fewer)).toContainEqual({ id: "rest", kind: "removed" });
  });
});

describe("problems", () => {
  it("stand at the step they are about as it was sent", () => {
    const found = placed(
      [
        { field: "definition.steps.1.days", reason: "must be more" },
        { field: "definition.trigger.event_type", reason: "is empty" },
        { field: "definition.steps", reason: "hello → rest → hello is a loop without a wait" },
      ],
      read(welcome),
    );
    expect(found.get("rest")?.map((one) => one.field)).toEqual(["days", ""]);
    expect(found.get("trigger")?.[0]?.field).toBe("event_type");
    expect(found.get("hello")).toHaveLength(1);
  });
});

describe("history", () => {
  it("takes back typing at once and does it again", () => {
    let history = begin("a");
    history = push(history, "ab", "name");
    history = push(history, "abc", "name");
    history = push(history, "x");
    expect(undo(history).now).toBe("abc");
    expect(undo(undo(history)).now).toBe("a");
    expect(redo(undo(history)).now).toBe("x");
  });
});
