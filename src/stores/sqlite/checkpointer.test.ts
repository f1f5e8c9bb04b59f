import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase } from './database.ts';

vi.mock('node:worker_threads', () => ({
  Worker: class {
    constructor() {
      throw new Error('no memory for a thread');
    }
  },
}));

test('a thread that cannot be started fails no write: they are on the disk, and the store closes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'offpeak-checkpointer-'));
  const path = join(folder, 'offpeak.db');
  const db = openDatabase({ path });
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (let at = 1; at <= 60; at++) db.write(() => db.sql('INSERT INTO unclean (at) VALUES (?)').run(at));
  await db.close();
  const again = openDatabase({ path });
  expect(again.sql('SELECT count(*) AS rows FROM unclean').get()).toEqual({ rows: 60 });
  await again.close();
});
