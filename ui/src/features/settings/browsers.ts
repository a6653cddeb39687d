/** Names that browsers give themselves, in the order in which they must be looked for: most claim to be others too. */
const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdg\w*\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/Chrom(e|ium)\/|\bCriOS\//, "Chrome"],
  [/\bSafari\//, "Safari"],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/Windows/, "Windows"],
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Mac OS/, "macOS"],
  [/Linux/, "Linux"],
];

/** A user agent as `Firefox, Linux`; an unknown one as it is, empty when there is none. */
export function browserOf(agent: string): string {
  const found = [BROWSERS, SYSTEMS].flatMap((known) => known.find(([form]) => form.test(agent))?.[1] ?? []);
  return found.length > 0 ? found.join(", ") : agent.slice(0, 60);
}
