/** Reading a listing by its cursor. */

/** A page, and the cursor of the next one; null: this was the last. One row more than asked for tells. */
export async function pageOf<Row>(
  limit: number,
  cursorOf: (row: Row) => number,
  read: (limit: number) => Promise<Row[]>,
): Promise<{ rows: Row[]; next: number | null }> {
  const found = await read(limit + 1);
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return { rows, next: found.length > limit && last !== undefined ? cursorOf(last) : null };
}

const pageRows = 500;

/** All rows of a listing that goes from the newest to the oldest, page by page, with a turn for others in between. */
export async function* everyRow<Row>(
  cursorOf: (row: Row) => number,
  read: (page: { before?: number; limit: number }) => Promise<Row[]>,
): AsyncGenerator<Row> {
  let before: number | undefined;
  for (;;) {
    const rows = await read(before === undefined ? { limit: pageRows } : { before, limit: pageRows });
    yield* rows;
    const last = rows.at(-1);
    if (rows.length < pageRows || last === undefined) return;
    before = cursorOf(last);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
