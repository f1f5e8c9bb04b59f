import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ENTRY_BYTES, readEntry, spoolName } from '../../batches/spool.ts';
import { inTransaction } from '../../database.ts';
import { readLines } from '../../lines.ts';
import type { SandboxState } from '../../state.ts';

/** Where the answer to a request lies: results are sorted by id, and are stored in the order in which rows finish. */
export interface IndexedRow {
  /** The id as JSON text without the quote at its end. With the one before it no id is empty, and all sort as they are. */
  key: string;
  /** In the order in which rows finish, from 0. */
  position: number;
  /** In the output of the spool; an empty range has no line at all. */
  start: number;
  end: number;
}

export interface RowIndex {
  /** Makes the index of an execution, once. */
  ensure(spool: string): Promise<void>;
  /** By id, those behind `after`, as far as they are among the first `finished` rows. */
  page(query: { spool: string; after: string | undefined; finished: number; limit: number }): IndexedRow[];
}

const TABLES = `
CREATE TABLE IF NOT EXISTS xai_rows (
  spool TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL, start_byte INTEGER NOT NULL,
  end_byte INTEGER NOT NULL, PRIMARY KEY (spool, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS xai_indexed (spool TEXT PRIMARY KEY) WITHOUT ROWID;
`;

const ROWS_PER_TRANSACTION = 1000;

/** In the database, so that a page costs its own rows only, and a restart nothing. */
export function createRowIndex({ database, blobs }: SandboxState): RowIndex {
  inTransaction(database, () => database.exec(TABLES));
  // A spool never changes: two processes that index it at once write the same.
  const insert = database.prepare(
    'INSERT OR IGNORE INTO xai_rows (spool, key, position, start_byte, end_byte) VALUES (?, ?, ?, ?, ?)',
  );
  const mark = database.prepare('INSERT OR IGNORE INTO xai_indexed (spool) VALUES (?)');
  const isMarked = database.prepare('SELECT 1 FROM xai_indexed WHERE spool = ?');
  const select = database.prepare(
    `SELECT key, position, start_byte, end_byte FROM xai_rows WHERE spool = ? AND key > ? AND position < ?
     ORDER BY key LIMIT ?`,
  );
  const fill = async (spool: string): Promise<void> => {
    const entryFile = await open(blobs.path(spoolName(spool, 'index')), 'r');
    try {
      let position = 0;
      let start = 0;
      for await (const ids of readLines(blobs.path(spoolName(spool, 'ids')))) {
        for (let first = 0; first < ids.length; first += ROWS_PER_TRANSACTION) {
          const some = ids.slice(first, first + ROWS_PER_TRANSACTION);
          const entries = Buffer.alloc(some.length * ENTRY_BYTES);
          await entryFile.read(entries, 0, entries.length, position * ENTRY_BYTES);
          inTransaction(database, () => {
            for (const [i, id] of some.entries()) {
              const end = readEntry(entries.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES)).outputBytes;
              insert.run(spool, id.toString('utf8').slice(0, -1), position++, start, end);
              start = end;
            }
          });
          await nextTurn();
        }
      }
    } finally {
      await entryFile.close();
    }
    mark.run(spool);
  };
  return {
    async ensure(spool) {
      if (isMarked.get(spool) === undefined) await fill(spool);
    },
    page({ spool, after, finished, limit }) {
      return select.all(spool, after ?? '', finished, limit).map((row) => ({
        key: String(row.key),
        position: Number(row.position),
        start: Number(row.start_byte),
        end: Number(row.end_byte),
      }));
    },
  };
}
