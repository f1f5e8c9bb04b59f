import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from './database.ts';

// Asked of SQLite itself, which takes a pragma that it does not understand without a word.
test('a commit is on the disk when it returns: WAL, synced each time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'offpeak-database-'));
  const db = openDatabase({ path: join(folder, 'offpeak.db') });
  onTestFinished(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });
  expect(db.sql('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  // 2: FULL.
  expect(db.sql('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
});
