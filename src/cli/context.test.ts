import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { EngineEvent } from '../engine/engine.ts';
import { createFakeProvider, type FakeProvider, lane, newJobs } from '../engine/engine-fixtures.ts';
import { OffpeakError } from '../errors.ts';
import { openContext } from './context.ts';

/** A home with one run, whose provider is down. */
async function openHome(fake: FakeProvider) {
  const home = mkdtempSync(join(tmpdir(), 'offpeak-context-'));
  const context = await openContext({ home }, {});
  onTestFinished(async () => {
    await context.close();
    rmSync(home, { recursive: true });
  });
  fake.on.upload = () => {
    throw new OffpeakError('nobody is there', { code: 'unavailable', retryable: true });
  };
  const store = await context.store();
  const now = Date.now();
  await store.createRun(
    {
      ...{ id: 'run-1', fingerprint: 'one', mode: 'auto', provider: 'openai', model: lane.model, priority: 5 },
      ...{ maxAttempts: 3, concurrency: 5, timeoutMs: 30_000, simulated: true, fresh: false, primeCache: false },
      ...{ recipe: { type: 'requests' }, source: { type: 'test' } },
    },
    now,
  );
  await store.addJobs('run-1', newJobs(1), { now, reuse: false, reopen: false });
  await store.updateRun('run-1', { state: 'running' }, now);
  return context;
}

test('a service waits an outage out: it does not count how often nobody is there', async () => {
  const fake = createFakeProvider();
  const context = await openHome(fake);
  const events: EngineEvent[] = [];
  const offpeak = await context.serviceOffpeak(true, (event) => events.push(event), [fake.provider]);
  const stop = new AbortController();
  const working = offpeak.worker().run(stop.signal);
  await vi.waitUntil(() => fake.calls.length > 6, { timeout: 15_000, interval: 20 });
  expect(events.filter(({ type }) => type === 'paused')).toEqual([]);
  stop.abort();
  await working;
});

test('what was still being opened when something else went wrong is closed as well', async () => {
  const home = mkdtempSync(join(tmpdir(), 'offpeak-context-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  writeFileSync(join(home, 'config.yaml'), 'prices: { "openai:gpt-5-mini": { input: -1 } }');
  const context = await openContext({ home }, {});
  await expect(context.offpeak(true)).rejects.toMatchObject({ code: 'config' });
  await context.close();
  const db = new DatabaseSync(join(home, 'offpeak.db'));
  expect(db.prepare('SELECT owner FROM sessions').all()).toEqual([]);
  db.close();
});
