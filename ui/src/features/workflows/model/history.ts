/** What was done, to take back and to do again. */

export type History<State> = { past: State[]; now: State; future: State[]; tag: string };

const LIMIT = 200;

export function begin<State>(now: State): History<State> {
  return { past: [], now, future: [], tag: "" };
}

/** `tag`: changes with the same one in a row, such as typing into a field, are one step back. */
export function push<State>(history: History<State>, next: State, tag = ""): History<State> {
  if (next === history.now) return history;
  if (tag !== "" && tag === history.tag) return { ...history, now: next, future: [] };
  return { past: [...history.past, history.now].slice(-LIMIT), now: next, future: [], tag };
}

export function undo<State>(history: History<State>): History<State> {
  const before = history.past.at(-1);
  if (before === undefined) return history;
  return {
    past: history.past.slice(0, -1),
    now: before,
    future: [history.now, ...history.future],
    tag: "",
  };
}

export function redo<State>(history: History<State>): History<State> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.now], now: next, future, tag: "" };
}
