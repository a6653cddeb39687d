import { expect, test } from "vitest";
import { asCommand, asCurl, asTool, quoted } from "./equivalents";

const call = { action: "add-contact", connection: "c1", input: { name: "O'Hara $(id)" } };

test("a shell takes what was typed for one word, whatever is in it", () => {
  expect(quoted("add-contact")).toBe("add-contact");
  expect(quoted("it's")).toBe("'it'\\''s'");
  expect(quoted("")).toBe("''");
});

test("a run is written as a command, as a tool and as a request", () => {
  expect(asCommand(call)).toBe(
    `membrane action run add-contact --connectionId=c1 --json --input '{"name":"O'\\''Hara $(id)"}'`,
  );
  expect(JSON.parse(asTool(call).slice("run-action ".length))).toEqual({
    action: "add-contact",
    connectionId: "c1",
    input: call.input,
  });
  expect(asCurl(call, "https://x.example/membrane")).toContain("POST https://x.example/membrane/act");
});
