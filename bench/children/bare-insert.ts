import { DatabaseSync } from 'node:sqlite';
import { chunkRows } from '../../src/store-rows.ts';
import { createCalls } from './calls.ts';
import { chunkOf } from './jobs.ts';

/** `bare-insert.ts DATABASE JOBS BODY_BYTES`: the same bytes in one table without index or thought. */
const [path = '', jobs = '', bodyBytes = ''] = process.argv.slice(2);
const db = new DatabaseSync(path);
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL, lane INTEGER, key TEXT NOT NULL, position INTEGER NOT NULL,
    state TEXT NOT NULL, priority INTEGER NOT NULL, attempts INTEGER NOT NULL, last_attempt INTEGER NOT NULL,
    available_at INTEGER NOT NULL, bytes INTEGER NOT NULL, hash INTEGER, batch INTEGER, reused_from INTEGER,
    body TEXT NOT NULL
  ) STRICT;
`);
const insert = db.prepare('INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
const calls = createCalls();
for (let first = 1; first <= Number(jobs); first += chunkRows) {
  const chunk = chunkOf(first, Math.min(chunkRows, Number(jobs) - first + 1), Number(bodyBytes));
  await calls.time(async () => {
    db.exec('BEGIN IMMEDIATE');
    for (const { key, position, request } of chunk) {
      const body = request?.body ?? '';
      insert.run(
        2 ** 30 + position,
        1,
        1,
        key,
        position,
        'queued',
        5,
        0,
        3,
        0,
        body.length,
        position,
        null,
        null,
        body,
      );
    }
    db.exec('COMMIT');
  }, chunk.length);
}
db.close();
console.log(JSON.stringify(calls.numbers()));
