/** Contacts as people paste them: one a line, an address and perhaps a name, in any order and with any sign between. */

const ADDRESS = /[^\s<>(),;:"']+@[^\s<>(),;:"']+/;

export type Pasted = {
  contacts: { email: string; name: string }[];
  /** Numbers of the lines (from 1) in which there is no address. */
  without: number[];
};

export function read(text: string): Pasted {
  const contacts: Pasted["contacts"] = [];
  const without: number[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const email = ADDRESS.exec(line)?.[0];
    if (!email) {
      // Names of columns above the first contact.
      if (contacts.length > 0 || without.length > 0 || !/mail|пошт/i.test(line)) without.push(index + 1);
      continue;
    }
    const name = line
      .replace(email, " ")
      .replace(/[<>(),;:"\t]+/g, " ")
      .replace(/\s+/g, " ")
      .trim();
    contacts.push({ email: email.replace(/[.]+$/, ""), name });
  }
  return { contacts, without };
}

/** The file that is imported; the first word of a name is the first name. */
export function csv({ contacts }: Pasted): string {
  const rows = contacts.map(({ email, name }) => {
    const [first = "", ...rest] = name.split(" ");
    return [email, first, rest.join(" ")].map(quoted).join(",");
  });
  return `email,first_name,last_name\n${rows.join("\n")}\n`;
}

function quoted(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}
