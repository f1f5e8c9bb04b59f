import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { newJobOf, queuedJob } from '../../testing/service-store/context.ts';
import { start } from '../../testing/store/context.ts';
import { testServiceStore } from '../../testing/test-service-store.ts';
import { createSqliteStore } from './sqlite-store.ts';
import { makeSqliteStore } from './sqlite-store-fixtures.ts';

testServiceStore('sqlite', makeSqliteStore);

test('a run id that was drawn before is drawn again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'offpeak-ids-'));
  const draws = [0, 0, 0, 0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5];
  const random = () => draws.shift() ?? 0;
  const store = createSqliteStore({ path: join(folder, 'offpeak.db'), owner: 'owner', now: () => start, random });
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const jobs = [queuedJob('a'), queuedJob('b', { queue: 'embedding' })];
  const runs = (await store.service.enqueue(jobs, start)).map((enqueued) => newJobOf(enqueued).runId);
  expect(runs).toEqual(['run-20261120-120000-aaaa', 'run-20261120-120000-ssss']);
  // A source of chance that gives one value for ever is a fault that is told, not an endless search.
  const stuck = store.service.enqueue([queuedJob('c', { queue: 'hooks' })], start);
  await expect(stuck).rejects.toMatchObject({ code: 'internal' });
});
