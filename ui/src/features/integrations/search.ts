/** Search parameters of an address that are texts. Numbers and truth values come parsed; what is empty is left out. */
export function texts<Name extends string>(...names: Name[]) {
  return (search: Record<string, unknown>): { [name in Name]?: string } => {
    const found: { [name in Name]?: string } = {};
    for (const name of names) {
      const value = search[name];
      if (typeof value === "number" || typeof value === "boolean") found[name] = String(value);
      else if (typeof value === "string" && value !== "") found[name] = value;
    }
    return found;
  };
}
