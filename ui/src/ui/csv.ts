/** Tables as files that spreadsheets open. */

export type Cell = string | number;

/** Saves a table as a file; its first row names the columns. */
export function saveTable(name: string, rows: readonly (readonly Cell[])[]): void {
  // With a byte order mark spreadsheets know that it is UTF-8.
  const url = URL.createObjectURL(new Blob(["\ufeff", csvOf(rows)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.csv`;
  link.click();
  // The browser has taken it by the next turn.
  setTimeout(() => URL.revokeObjectURL(url));
}

/** RFC 4180. What a spreadsheet would run as a formula is guarded by an apostrophe, as the server's exports do, but not a negative sum. */
export function csvOf(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value: Cell): string {
  if (typeof value === "number") return String(value);
  const guarded = /^'*(?:[=+@\t\r\n]|-(?!\d+(?:\.\d+)?$))/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}
