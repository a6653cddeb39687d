/** What the application and the designer's document say to each other, by messages of the same origin. */

export type Field = { group: string; name: string; tag: string };
export type SavedBlock = { id: number; name: string; category: string; source: string };

/** To the designer. */
export type ToDesigner =
  | {
      type: "open";
      source: string;
      dark: boolean;
      readOnly: boolean;
      language: string;
      words: Record<string, string>;
      fields: Field[];
      blocks: SavedBlock[];
    }
  | { type: "dark"; dark: boolean }
  | { type: "blocks"; blocks: SavedBlock[] }
  /** The picture that was asked for; null: none was chosen. */
  | { type: "picture"; address: string | null }
  /** Select the first part that has this text. */
  | { type: "find"; text: string };

/** From the designer. */
export type FromDesigner =
  | { type: "ready" }
  | { type: "opened" }
  | { type: "changed"; source: string }
  | { type: "askPicture" }
  /** A part to keep in the library. */
  | { type: "keepBlock"; source: string }
  | { type: "failed"; reason: string };

/** An element that is closed by itself swallows what follows when HTML is read: `<mj-image />` gets an end. */
export function withEnds(source: string): string {
  return source.replace(
    /<((?:mj-[\w-]+|mjml))((?:\s+(?:"[^"]*"|'[^']*'|[^'"<>])*?)?)\s*\/>/g,
    (_, name: string, inside: string) => `<${name}${inside}></${name}>`,
  );
}

const NAMED: Record<string, string> = { quot: '"', "#39": "'", apos: "'", lt: "<", gt: ">", amp: "&" };

/** Merge fields and conditions as they are written: what is in them is no HTML. */
export function withPlainTags(source: string): string {
  return source.replace(/\{\{[^{}]*\}\}|\{%[\s\S]*?%\}/g, (tag) =>
    tag.replace(/&(quot|#39|apos|lt|gt|amp);/g, (whole, name: string) => NAMED[name] ?? whole),
  );
}
