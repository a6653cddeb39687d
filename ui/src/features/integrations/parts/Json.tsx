import { Code, ScrollArea } from "@mantine/core";

/** A value as it is, to read. Very long ones are cut: the page must stay quick. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "");
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}\n…` : text;
  return (
    <ScrollArea.Autosize mah={420} viewportProps={{ tabIndex: 0, role: "region", "aria-label": label }}>
      <Code block dir="auto" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {shown}
      </Code>
    </ScrollArea.Autosize>
  );
}

const LONGEST = 50_000;
