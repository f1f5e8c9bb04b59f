import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { adding, fill, newJob, newRun, sendBatch, start, succeeded } from '../../testing/store/context.ts';
import { createSqliteStore } from './sqlite-store.ts';

test('two requests whose hashes agree are two requests: the bodies decide what is reused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'offpeak-add-jobs-'));
  const path = join(folder, 'offpeak.db');
  const store = createSqliteStore({ path, owner: 'owner', now: () => start });
  const other = new DatabaseSync(path);
  onTestFinished(async () => {
    other.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const { lane } = await fill(store, [newJob('answered', '{"q":"1"}'), newJob('waiting', '{"q":"2"}')]);
  const { lease, attempts } = await sendBatch(store, lane);
  await store.book(
    attempts.slice(0, 1).map((ref) => succeeded(ref, { output: 'one' })),
    lease,
  );
  // Two bodies with the same 52 bits would take years to find; here the one is given the hash of the other.
  other.exec(`
    DELETE FROM shared_requests WHERE job = (SELECT id FROM jobs WHERE key = 'waiting');
    UPDATE shared_requests SET hash = (SELECT hash FROM jobs WHERE key = 'waiting');
  `);
  const { run } = await store.createRun(newRun(), start);
  const added = await store.addJobs(run.id, [newJob('asked', '{"q":"2"}')], { ...adding, reuse: true });
  expect(added).toMatchObject({ added: 1, reused: 0 });
});
