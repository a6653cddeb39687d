/** A definition while it is edited: every way out of a step is written out, so that the order of steps means nothing. */

export type Step = { type: string; id: string; [member: string]: unknown };
export type Definition = {
  format?: number;
  trigger: { type: string; [member: string]: unknown };
  rules: Record<string, unknown>;
  steps: Step[];
};

export const END = "end";
/** The place before the first step, as the source of a way. */
export const START = "";

/** One way out of a step: the member that names its target, such as `next` or `cases.0.next`. */
export type Way = { member: string; to: string; label: WayLabel };
export type WayLabel =
  | { kind: "plain" }
  | { kind: "yes" | "no" | "happened" | "timeout" | "missing" | "failed" | "reached" | "unreached" | "else" }
  | { kind: "case"; number: number }
  | { kind: "branch"; number: number; percent: number };

type Case = { condition?: unknown; next?: string };
type Branch = { weight?: number; next?: string };

const ENDS = new Set(["stop", "jump"]);
/** Members that name a target, besides `next`. */
const NAMED = ["otherwise", "timeout", "missing", "failed"] as const;

/** Reads what the server keeps, also while it cannot run: nothing in it is lost. */
export function read(given: unknown): Definition {
  const members = isRecord(given) ? given : {};
  const listed = Array.isArray(members.steps) ? members.steps.filter(isRecord) : [];
  const ids = listed.map((step, place) =>
    typeof step.id === "string" && step.id !== "" ? step.id : `step-${place + 1}`,
  );
  const steps = listed.map((step, place): Step => {
    const id = ids[place] as string;
    const type = typeof step.type === "string" ? step.type : "stop";
    const own: Step = { ...structuredClone(step), type, id };
    if (ENDS.has(type)) {
      delete own.next;
      return own;
    }
    const behind = ids[place + 1] ?? END;
    if (type === "split") {
      delete own.next;
      return own;
    }
    own.next = text(step.next) || (type === "goal" ? END : behind);
    if (type === "condition" || type === "goal") own.otherwise = text(step.otherwise) || END;
    if (type === "wait_for") own.timeout = text(step.timeout) || own.next;
    if (type === "wait_until" && text(step.field) !== "") own.missing = text(step.missing) || own.next;
    return own;
  });
  const trigger = isRecord(members.trigger) ? structuredClone(members.trigger) : {};
  return {
    trigger: { ...trigger, type: text(trigger.type) || "api" },
    rules: isRecord(members.rules) ? structuredClone(members.rules) : {},
    steps,
  };
}

/** What is sent: steps in the order one comes to them, and only what does not go without saying. */
export function write(definition: Definition): Record<string, unknown> {
  const steps = ordered(definition);
  return {
    format: 2,
    trigger: definition.trigger,
    ...(Object.keys(definition.rules).length > 0 ? { rules: definition.rules } : {}),
    steps: steps.map((step, place) => {
      const own: Step = structuredClone(step);
      const behind = steps[place + 1]?.id ?? END;
      const usual = own.type === "goal" ? END : behind;
      if (own.type === "wait_for" && own.timeout === own.next) delete own.timeout;
      if (own.type === "wait_until" && (own.missing === own.next || !own.field)) delete own.missing;
      if ((own.type === "condition" || own.type === "goal") && own.otherwise === END) delete own.otherwise;
      if (own.next === usual) delete own.next;
      return own;
    }),
  };
}

/** Steps in the order one comes to them; the first stays the first. Those nobody comes to are last. */
export function ordered(definition: Definition): Step[] {
  const byId = new Map(definition.steps.map((step) => [step.id, step]));
  const found = new Set<Step>();
  const visit = (id: string) => {
    let step = byId.get(id);
    while (step && !found.has(step)) {
      found.add(step);
      const [first, ...others] = ways(step);
      // The first way is followed before the others, so that it needs no name.
      if (first) visitLater.push(...others.map((way) => way.to).reverse());
      step = first && byId.get(first.to);
    }
  };
  const visitLater: string[] = [];
  for (const step of definition.steps) {
    visit(step.id);
    for (let next = visitLater.pop(); next !== undefined; next = visitLater.pop()) visit(next);
  }
  return [...found];
}

/** The ways out of a step, the usual one first. */
export function ways(step: Step): Way[] {
  const way = (member: string, label: WayLabel["kind"]): Way => ({
    member,
    to: text(step[member]) || END,
    label: { kind: label } as WayLabel,
  });
  switch (step.type) {
    case "stop":
    case "jump":
      return [];
    case "condition":
      return [way("next", "yes"), way("otherwise", "no")];
    case "goal":
      return [way("next", "reached"), way("otherwise", "unreached")];
    case "wait_for":
      return [way("next", "happened"), way("timeout", "timeout")];
    case "wait_until":
      return step.missing === undefined
        ? [way("next", "plain")]
        : [way("next", "plain"), way("missing", "missing")];
    case "webhook":
    case "action":
      return step.failed ? [way("next", "plain"), way("failed", "failed")] : [way("next", "plain")];
    case "switch":
      return [
        ...list<Case>(step.cases).map(
          (one, place): Way => ({
            member: `cases.${place}.next`,
            to: text(one.next) || END,
            label: { kind: "case", number: place + 1 },
          }),
        ),
        way("next", "else"),
      ];
    case "split": {
      const branches = list<Branch>(step.branches);
      const all = branches.reduce((sum, one) => sum + (Number(one.weight) || 0), 0);
      return branches.map((one, place) => ({
        member: `branches.${place}.next`,
        to: text(one.next) || END,
        label: {
          kind: "branch",
          number: place + 1,
          percent: all > 0 ? (Number(one.weight) || 0) / all : 0,
        },
      }));
    }
    default:
      return [way("next", "plain")];
  }
}

/** The step with one of its ways leading elsewhere. */
export function led(step: Step, member: string, to: string): Step {
  const own = structuredClone(step);
  const [list, place] = member.split(".");
  if (place === undefined) own[member] = to;
  else {
    const part = (own[list as string] as { next: string }[])[Number(place)];
    if (part) part.next = to;
  }
  return own;
}

/** The definition with the way `member` of the step `from` ({@link START}: the beginning) leading to `to`. */
export function lead(definition: Definition, from: string, member: string, to: string): Definition {
  if (from !== START)
    return {
      ...definition,
      steps: definition.steps.map((step) => (step.id === from ? led(step, member, to) : step)),
    };
  // Whoever comes in comes to the first step.
  const first = definition.steps.find((step) => step.id === to);
  return first
    ? { ...definition, steps: [first, ...definition.steps.filter((step) => step !== first)] }
    : definition;
}

/** Puts steps where a way leads: the first of them is its new target, and their own open ends lead to the old one. */
export function insert(
  definition: Definition,
  from: string,
  member: string,
  added: readonly Step[],
): { definition: Definition; ids: string[] } {
  const names = new Set(definition.steps.map((step) => step.id));
  const renamed = new Map<string, string>();
  for (const step of added) {
    const id = freshId(step.id || step.type, names);
    names.add(id);
    renamed.set(step.id, id);
  }
  const source = definition.steps.find((step) => step.id === from);
  const old =
    from === START
      ? (definition.steps[0]?.id ?? END)
      : ((source && ways(source).find((way) => way.member === member)?.to) ?? END);
  const placed = added.map((step) => {
    let own: Step = { ...structuredClone(step), id: renamed.get(step.id) as string };
    for (const way of ways(own)) {
      const inside = renamed.get(way.to);
      // The way of a condition that is not met, and the like, ends unless it led somewhere inside.
      const open = way.label.kind === "no" || way.label.kind === "unreached" ? END : old;
      own = led(own, way.member, inside ?? open);
    }
    return own;
  });
  const first = placed[0];
  if (!first) return { definition, ids: [] };
  const more =
    from === START
      ? { ...definition, steps: [...placed, ...definition.steps] }
      : lead({ ...definition, steps: [...definition.steps, ...placed] }, from, member, first.id);
  return { definition: more, ids: placed.map((step) => step.id) };
}

/** Takes steps out: what led to one leads where it led; what nobody comes to any more goes with it. */
export function remove(definition: Definition, ids: readonly string[]): Definition {
  const reachedBefore = reached(definition);
  let now = definition;
  for (const id of ids) {
    const gone = now.steps.find((step) => step.id === id);
    if (!gone) continue;
    const to = ways(gone)[0]?.to ?? END;
    const target = to === id ? END : to;
    const first = now.steps[0]?.id === id;
    const steps = now.steps
      .filter((step) => step !== gone)
      .map((step) => {
        let own = step;
        for (const way of ways(step)) if (way.to === id) own = led(own, way.member, target);
        return own;
      });
    now = { ...now, steps };
    if (first) now = target === END ? { ...now, steps: [] } : lead(now, START, "next", target);
  }
  const still = reached(now);
  return { ...now, steps: now.steps.filter((step) => still.has(step.id) || !reachedBefore.has(step.id)) };
}

/** Steps that somebody may come to: from the beginning, and goals from anywhere. */
export function reached(definition: Definition): Set<string> {
  const byId = new Map(definition.steps.map((step) => [step.id, step]));
  const found = new Set<string>();
  const first = definition.steps[0];
  const ahead = first
    ? [first.id, ...definition.steps.filter((step) => step.type === "goal").map((step) => step.id)]
    : [];
  for (let id = ahead.pop(); id !== undefined; id = ahead.pop()) {
    const step = byId.get(id);
    if (!step || found.has(id)) continue;
    found.add(id);
    ahead.push(...ways(step).map((way) => way.to));
  }
  return found;
}

/** Changes members of a step, or its name: ways that led to it by the old one lead to it still. */
export function change(definition: Definition, id: string, members: Partial<Step>): Definition {
  const next = members.id;
  const steps = definition.steps.map((step) => {
    let own = step;
    if (step.id === id) {
      own = { ...step, ...members } as Step;
      for (const [name, value] of Object.entries(members)) if (value === undefined) delete own[name];
    }
    if (next !== undefined && next !== id)
      for (const way of ways(own)) if (way.to === id) own = led(own, way.member, next);
    return own;
  });
  return { ...definition, steps };
}

/** Copies of steps to put elsewhere, also in another workflow. */
export function copied(definition: Definition, ids: readonly string[]): Step[] {
  const wanted = new Set(ids);
  return structuredClone(ordered(definition).filter((step) => wanted.has(step.id)));
}

/** Those who stand at an older version's steps, by what becomes of them when they move to a newer one. */
export function counterpart(step: Step, next: Definition): "same" | "other" | "none" | "call" {
  if (step.type === "webhook" || step.type === "action") return "call";
  const found = next.steps.find((one) => one.id === step.id);
  return found ? (found.type === step.type ? "same" : "other") : "none";
}

/** Members of a new step of a type. */
export function blank(type: string): Step {
  const more: Record<string, Record<string, unknown>> = {
    wait: { days: 1 },
    wait_for: { event_type: "", days: 3 },
    wait_until: { weekdays: ["mon"], at: "09:00" },
    condition: { condition: { all: [] } },
    switch: { cases: [{ condition: { all: [] }, next: END }] },
    split: {
      branches: [
        { weight: 50, next: END },
        { weight: 50, next: END },
      ],
    },
    send: { channels: [] },
    webhook: { url: "https://", method: "POST" },
    action: { connection: "", action: "" },
    generate_event: { event_type: "" },
    goal: { event_type: "" },
    update_contact: { set: {} },
    add_to_list: { tag: "" },
    remove_from_list: { tag: "" },
  };
  return { type, id: type.replaceAll("_", "-"), ...more[type] };
}

/** Whether two definitions say the same. */
export function same(one: Definition, other: Definition): boolean {
  return JSON.stringify(write(one)) === JSON.stringify(write(other));
}

export type Change = { id: string; kind: "added" | "removed" | "changed" | "moved" };

/** What differs between two definitions, by step; `trigger` and `rules` by those names. */
export function compare(before: Definition, after: Definition): Change[] {
  const found: Change[] = [];
  if (JSON.stringify(before.trigger) !== JSON.stringify(after.trigger))
    found.push({ id: "trigger", kind: "changed" });
  if (JSON.stringify(sorted(before.rules)) !== JSON.stringify(sorted(after.rules)))
    found.push({ id: "rules", kind: "changed" });
  const old = new Map(before.steps.map((step) => [step.id, step]));
  for (const step of ordered(after)) {
    const was = old.get(step.id);
    old.delete(step.id);
    if (!was) found.push({ id: step.id, kind: "added" });
    else if (JSON.stringify(sorted(content(was))) !== JSON.stringify(sorted(content(step))))
      found.push({ id: step.id, kind: "changed" });
    else if (ways(was).some((way, place) => way.to !== ways(step)[place]?.to))
      found.push({ id: step.id, kind: "moved" });
  }
  for (const id of old.keys()) found.push({ id, kind: "removed" });
  return found;
}

/** What a step does, without where it leads. */
function content(step: Step): Step {
  let own = structuredClone(step);
  for (const way of ways(step)) own = led(own, way.member, "");
  for (const member of ["next", ...NAMED]) delete own[member];
  return own;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}

function freshId(wanted: string, taken: ReadonlySet<string>): string {
  const plain = wanted.replace(/-\d+$/, "");
  if (!taken.has(wanted) && wanted !== END) return wanted;
  for (let number = 2; ; number++) if (!taken.has(`${plain}-${number}`)) return `${plain}-${number}`;
}

function list<Item>(value: unknown): Item[] {
  return Array.isArray(value) ? (value.filter(isRecord) as Item[]) : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
