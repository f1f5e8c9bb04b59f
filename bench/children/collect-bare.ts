import { DatabaseSync } from 'node:sqlite';
import { splitLineBatches } from '../../src/lines.ts';
import { chunkRows } from '../../src/store-rows.ts';
import type { VendorName } from '../vendors.ts';
import { answersOf } from './answers.ts';
import { startResultsProcess } from './results-process.ts';

/**
 * `collect-bare.ts DATABASE VENDOR ROWS ANSWER_BYTES`: the same bytes split, parsed and inserted into one table, judged
 * and counted by nobody.
 */
const [path = '', vendor = '', rows = '', bytesText = ''] = process.argv.slice(2);
const db = new DatabaseSync(path);
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE results (id TEXT NOT NULL, answer TEXT NOT NULL) STRICT;
`);
const insert = db.prepare('INSERT INTO results VALUES (?, ?)');
const server = await startResultsProcess([vendor, rows, bytesText, 'in order']);
const bytes = await server.prepare('op-benchnonce-1-1');

const cpu = process.cpuUsage();
const started = performance.now();
const { body } = await fetch(server.url + answersOf[vendor as VendorName].resultsPath);
let inserted = 0;
let chunk: unknown[] = [];
if (body) {
  for await (const lines of splitLineBatches(body)) {
    for (const { text } of lines) {
      chunk.push(JSON.parse(text));
      if (chunk.length === chunkRows) flush();
    }
  }
}
flush();
const ms = performance.now() - started;
const used = process.cpuUsage(cpu);
if (inserted !== Number(rows)) throw new Error(`${inserted} of ${rows} rows`);
db.close();
await server.close();
console.log(
  JSON.stringify({
    perSecond: (inserted / ms) * 1000,
    mbPerSecond: bytes / 1e3 / ms,
    cpuUs: (used.user + used.system) / inserted,
  }),
);

function flush(): void {
  db.exec('BEGIN IMMEDIATE');
  for (const row of chunk) {
    const { custom_id, key, response, result } = row as Record<string, unknown>;
    insert.run(String(custom_id ?? key), JSON.stringify(response ?? result));
  }
  db.exec('COMMIT');
  inserted += chunk.length;
  chunk = [];
}
