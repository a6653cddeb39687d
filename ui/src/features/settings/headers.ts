/** Lines such as `X-Key: value` as headers; a line without a colon is a header without a value, which the server names. */
export function headersOf(lines: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of lines.split("\n")) {
    if (line.trim() === "") continue;
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    found[name.trim()] = colon < 0 ? "" : line.slice(colon + 1).trim();
  }
  return found;
}
