/** The steps that a journey came to and the ways it took (`from>to`; from nowhere: it came in). */
export type Lit = { steps: ReadonlySet<string>; ways: ReadonlySet<string> };

/** Of a path in order; null: it was moved to another version there. */
export function litBy(path: readonly (string | null)[], finished = false): Lit {
  const steps = path.filter((one): one is string => one !== null);
  const ways = new Set<string>();
  if (steps[0] !== undefined) ways.add(`>${steps[0]}`);
  for (let place = 1; place < steps.length; place++)
    if (steps[place] !== steps[place - 1]) ways.add(`${steps[place - 1]}>${steps[place]}`);
  if (finished && steps.length > 0) ways.add(`${steps.at(-1)}>end`);
  return { steps: new Set(steps), ways };
}
