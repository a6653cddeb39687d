type PageOf<Item> = { items: Item[]; next_cursor: string | null };

/** All of a list that comes in pages, at most ten of them: what one chooses from, or names by number. */
export async function everything<Item>(
  fetch: (cursor: string | undefined) => Promise<PageOf<Item>>,
): Promise<Item[]> {
  const found: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 10; page++) {
    const next = await fetch(cursor);
    found.push(...next.items);
    if (!next.next_cursor) break;
    cursor = next.next_cursor;
  }
  return found;
}
