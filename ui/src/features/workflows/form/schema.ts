/** The JSON Schema of the language, as forms read it. */

export type Json = { [member: string]: unknown };
export type Property = {
  type?: string | string[];
  enum?: (string | number | null)[];
  anyOf?: Property[];
  $ref?: string;
  items?: Property;
  minimum?: number;
  maximum?: number;
  description?: string;
  default?: unknown;
  additionalProperties?: unknown;
};
export type Part = { properties?: Record<string, Property>; required?: string[]; description?: string };

/** The part of the schema that describes triggers or steps of a type. */
export function partOf(schema: unknown, type: string): Part | undefined {
  const parts = (schema as { $defs?: Record<string, Part> } | undefined)?.$defs ?? {};
  return Object.values(parts).find((part) => {
    const tag = part.properties?.type as (Property & { const?: string }) | undefined;
    return tag?.const === type || (tag?.enum?.length === 1 && tag.enum[0] === type);
  });
}

/** What kind of input a member needs, where nothing better is made for it. */
export function inputOf(property: Property): "switch" | "number" | "choice" | "text" | "json" {
  const one = property.anyOf?.find((other) => other.type !== "null") ?? property;
  if (one.enum) return "choice";
  const type = Array.isArray(one.type) ? one.type.find((other) => other !== "null") : one.type;
  if (type === "boolean") return "switch";
  if (type === "integer" || type === "number") return "number";
  if (type === "string") return "text";
  return "json";
}

/** The values of a choice. */
export function choicesOf(property: Property): string[] {
  const one = property.anyOf?.find((other) => other.enum) ?? property;
  return (one.enum ?? []).filter((value) => value !== null).map(String);
}
