/** One run of an action, as other ways in would write it. */

export type Call = { action: string; connection: string; input: unknown };

/** A word of a POSIX shell, whatever is in it. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function asCommand({ action, connection, input }: Call): string {
  const given = quoted(JSON.stringify(input));
  return `membrane action run ${quoted(action)} --connectionId=${quoted(connection)} --json --input ${given}`;
}

/** The tool of the Model Context Protocol and its arguments. */
export function asTool({ action, connection, input }: Call): string {
  return `run-action ${JSON.stringify({ action, connectionId: connection, input }, null, 2)}`;
}

export function asCurl({ action, connection, input }: Call, api: string): string {
  const body = quoted(JSON.stringify({ key: action, connectionId: connection, input }));
  return [
    `curl -X POST ${quoted(`${api}/act`)} \\`,
    '  -H "Authorization: Bearer $TOKEN" \\',
    '  -H "Content-Type: application/json" \\',
    `  -d ${body}`,
  ].join("\n");
}
