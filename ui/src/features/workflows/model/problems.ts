/** Where the server's errors belong: `definition.steps.3.template_id` is the third step's as it was sent. */
import type { Definition } from "./definition";
import { ordered } from "./definition";

export type Problem = { field: string; reason: string };
/** By step id; `trigger`, `rules`, and "" for the whole. */
export type Problems = ReadonlyMap<string, readonly Problem[]>;

/** Sorts what the server found in `sent` by the part that it is about; `field` is then within that part. */
export function placed(found: readonly Problem[], sent: Definition): Problems {
  const steps = ordered(sent);
  const parts = new Map<string, Problem[]>();
  const add = (part: string, problem: Problem) => {
    parts.set(part, [...(parts.get(part) ?? []), problem]);
  };
  for (const { field, reason } of found) {
    const [, part, ...rest] = field.replace(/^definition\.?/, ".").split(".");
    if (part === "trigger" || part === "rules") add(part, { field: rest.join("."), reason });
    else if (part === "steps" && rest[0] !== undefined && steps[Number(rest[0])])
      add((steps[Number(rest[0])] as { id: string }).id, { field: rest.slice(1).join("."), reason });
    else {
      add("", { field, reason });
      // "a → b → a is a loop without a wait": each of its steps shows it.
      const loop = reason.includes(" is a loop ") ? (reason.split(" is a loop ")[0] ?? "").split(" → ") : [];
      for (const id of new Set(loop))
        if (steps.some((step) => step.id === id)) add(id, { field: "", reason });
    }
  }
  return parts;
}
