/** A number or yes/no where it is plainly one. */
export function scalar(typed: string): unknown {
  if (/^-?\d+(\.\d+)?$/.test(typed) && String(Number(typed)) === typed) return Number(typed);
  return typed === "true" ? true : typed === "false" ? false : typed;
}
