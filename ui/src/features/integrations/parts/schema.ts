/** JSON Schemas as forms: which control a value gets, and what is sent. Only the usual kinds; everything else is JSON. */

export type Schema = {
  type?: string | string[];
  title?: string;
  description?: string;
  enum?: unknown[];
  default?: unknown;
  format?: string;
  maxLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
};

export type Control = "text" | "long" | "number" | "whole" | "choice" | "truth" | "texts" | "group" | "json";

/** The control for a value; groups deeper than `depth` are JSON. */
export function controlOf(schema: Schema, depth = 2): Control {
  if (schema.enum && schema.enum.length > 0 && schema.enum.every((one) => typeof one === "string"))
    return "choice";
  const kinds = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter((kind) => kind !== "null");
  const kind = kinds.length === 1 ? kinds[0] : undefined;
  if (kind === "string") return (schema.maxLength ?? 0) > 300 || schema.format === "html" ? "long" : "text";
  if (kind === "number") return "number";
  if (kind === "integer") return "whole";
  if (kind === "boolean") return "truth";
  if (kind === "array" && schema.items && controlOf(schema.items) === "text") return "texts";
  if (kind === "object" && depth > 0 && Object.keys(schema.properties ?? {}).length > 0) return "group";
  return "json";
}

/** Fields in two halves: those that must be given, and the others, each in the order of the schema. */
export function fieldsOf(schema: Schema): { must: [string, Schema][]; may: [string, Schema][] } {
  const required = new Set(schema.required ?? []);
  const all = Object.entries(schema.properties ?? {});
  return {
    must: all.filter(([name]) => required.has(name)),
    may: all.filter(([name]) => !required.has(name)),
  };
}

/** Without what was left empty: an app takes "" for a value. */
export function filled(value: unknown): unknown {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value as Record<string, unknown>)
    .map(([name, inner]) => [name, filled(inner)] as const)
    .filter(([, inner]) => inner !== undefined && inner !== "" && !isEmptyGroup(inner));
  return Object.fromEntries(kept);
}

function isEmptyGroup(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
  );
}

/** What is required and was not given, as dotted paths. */
export function missing(schema: Schema, value: Record<string, unknown>, path = ""): string[] {
  const found: string[] = [];
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const given = value[name];
    const empty = given === undefined || given === "";
    if (empty && schema.required?.includes(name)) found.push(path + name);
    else if (!empty && controlOf(field) === "group" && typeof given === "object" && given !== null)
      found.push(...missing(field, given as Record<string, unknown>, `${path}${name}.`));
  }
  return found;
}
