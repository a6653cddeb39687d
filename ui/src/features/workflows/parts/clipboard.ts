/** Copied steps, kept by the browser so that they can be put into another workflow or tab. */
import type { Step } from "../model/definition";

const KEY = "workflow-steps";

export function keepCopied(steps: readonly Step[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(steps));
  } catch {
    // Storage may be refused: then there is nothing to paste.
  }
}

export function copiedSteps(): Step[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept)
      ? kept.filter((one): one is Step => typeof one?.type === "string" && typeof one?.id === "string")
      : [];
  } catch {
    return [];
  }
}
