import type { Row } from './rows.ts';

/** Text of a page, in characters: it ends early, with at least one row, so that long answers do not pile up in memory. */
const pageCharacters = 8_000_000;

/** The first of the rows, until the text of these columns comes to a page. */
export function boundedPage(rows: Iterable<Row>, columns: readonly string[]): Row[] {
  const page: Row[] = [];
  let characters = 0;
  for (const row of rows) {
    page.push(row);
    for (const column of columns) {
      const value = row[column];
      if (typeof value === 'string') characters += value.length;
    }
    if (characters >= pageCharacters) break;
  }
  return page;
}
