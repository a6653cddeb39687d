import { expect, test } from "vitest";
import { csv, read } from "./pasted";

test("an address is found wherever it stands in a line", () => {
  const found = read(
    'Anna Adams <anna@example.com>\nboris@example.com; Борис\n"clara@example.com"\tClara O\'Hara\n',
  );
  expect(found.without).toEqual([]);
  expect(found.contacts).toEqual([
    { email: "anna@example.com", name: "Anna Adams" },
    { email: "boris@example.com", name: "Борис" },
    { email: "clara@example.com", name: "Clara O'Hara" },
  ]);
});

test("names of columns are no contact, and a line without an address is told by its number", () => {
  const found = read("Email,Name\nanna@example.com,Anna\n\nno address here\n");
  expect(found.contacts).toHaveLength(1);
  expect(found.without).toEqual([4]);
});

test("signs of the file's format stay inside a value", () => {
  expect(csv({ contacts: [{ email: "a@example.com", name: 'An"na A, B' }], without: [] })).toBe(
    'email,first_name,last_name\n"a@example.com","An""na","A, B"\n',
  );
});
