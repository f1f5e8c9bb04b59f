import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { acceptAll, createFakeProvider, endRemote, lane, newJobs, spyStore } from '../engine/engine-fixtures.ts';
import { OffpeakError } from '../errors.ts';
import { createOffpeak } from '../offpeak.ts';
import { createSqliteStore } from '../stores/sqlite/sqlite-store.ts';
import { keepWorking } from './keep-working.ts';

test('a paid batch that a full disk kept from being written is collected, without a restart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'offpeak-keep-'));
  const store = createSqliteStore({ path: join(folder, 'offpeak.db'), owner: 'process' });
  const fake = createFakeProvider({ limits: { pollMinMs: 20, pollMaxMs: 20 } });
  let isFull = false;
  const writing = spyStore(store, (method) => {
    if (!isFull || method === 'releaseOwner') return;
    throw new OffpeakError('the disk is full', { code: 'store_full', retryable: true });
  });
  fake.on.create = (make) => {
    isFull = true;
    return make();
  };
  fake.on.get = (remote) => {
    endRemote(fake);
    return { ...(remote ?? (undefined as never)) };
  };
  const offpeak = createOffpeak({
    store: writing,
    providers: [fake.provider],
    owner: 'process',
    isAlive: () => true,
    createRecipe: () => acceptAll,
  });
  const { run } = await store.createRun(
    {
      ...{ id: 'run-1', fingerprint: 'one', mode: 'auto', provider: 'openai', model: lane.model, priority: 5 },
      ...{ maxAttempts: 3, concurrency: 5, timeoutMs: 30_000, simulated: false, fresh: false, primeCache: false },
      ...{ recipe: { type: 'test' }, source: { type: 'test' } },
    },
    Date.now(),
  );
  await store.addJobs(run.id, newJobs(2), { now: Date.now(), reuse: false, reopen: false });
  await store.updateRun(run.id, { state: 'running' }, Date.now());
  const stop = new AbortController();
  const working = keepWorking(offpeak, stop.signal, pino({ enabled: false }));
  onTestFinished(async () => {
    stop.abort();
    await working.ended;
    await store.close();
    rmSync(folder, { recursive: true });
  });
  await vi.waitUntil(() => isFull, { timeout: 10_000 });
  isFull = false;
  await vi.waitUntil(async () => (await store.getRun(run.id))?.state === 'ended', { timeout: 15_000, interval: 50 });
  expect((await store.getRun(run.id))?.counts.succeeded).toBe(2);
  expect(fake.calls.filter((call) => call === 'create')).toHaveLength(1);
});
