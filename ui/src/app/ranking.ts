/** How well what somebody typed fits a name: 0 is not at all. Words may be in any order and only begun. */
export function closeness(typed: string, name: string): number {
  const words = fold(typed).split(" ").filter(Boolean);
  const folded = fold(name);
  if (words.length === 0) return 1;
  if (folded === words.join(" ")) return 100;
  let sum = folded.startsWith(words.join(" ")) ? 50 : 0;
  const parts = folded.split(/[^\p{L}\p{N}]+/u);
  for (const word of words) {
    if (parts.some((part) => part.startsWith(word))) sum += 10;
    else if (folded.includes(word)) sum += 2;
    else return 0;
  }
  // The shorter name is the closer one.
  return sum / words.length + 1 / (1 + folded.length);
}

/** What fits, best first; equals stay in their order. */
export function ranked<Thing>(
  things: readonly Thing[],
  typed: string,
  nameOf: (thing: Thing) => string,
): Thing[] {
  return things
    .map((thing) => ({ thing, rank: closeness(typed, nameOf(thing)) }))
    .filter(({ rank }) => rank > 0)
    .sort((one, other) => other.rank - one.rank)
    .map(({ thing }) => thing);
}

/** Small letters without accents, so that "cafe" finds "Café". */
function fold(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLocaleLowerCase()
    .trim();
}
