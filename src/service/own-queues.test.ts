import { expect, onTestFinished, test } from 'vitest';
import type { QueuedJob } from '../service-store.ts';
import { createSqliteStore } from '../stores/sqlite/sqlite-store.ts';
import { ownQueues } from './own-queues.ts';

const now = Date.UTC(2026, 10, 28);

function job(simulated: boolean): QueuedJob {
  const lane = {
    provider: 'openai',
    account: simulated ? 'sandbox' : 'real',
    model: 'm',
    endpoint: '/v1/x',
    mode: 'batch' as const,
  };
  return {
    ...{ queue: 'creative_scoring', provider: 'openai', account: lane.account, simulated, model: 'm', priority: 5 },
    request: { lane, body: '{}', size: { inputTokens: 1, maxInputTokens: 2 } },
    data: '{}',
  };
}

test('a service with the sandbox and one with real providers leave each other alone on one store', async () => {
  const store = createSqliteStore({ path: ':memory:', owner: 'test' });
  onTestFinished(store.close);
  const [real, sandbox] = [ownQueues(store.service, false), ownQueues(store.service, true)];
  const added = await real.enqueue([job(false), job(true), job(false)], now);
  expect(new Set(added.map((each) => each.type !== 'conflict' && each.runId)).size).toBe(2);
  const [queue] = await sandbox.listQueues();
  expect(await sandbox.listQueues()).toMatchObject([{ held: 1, simulated: true }]);
  expect(await real.listQueues()).toMatchObject([{ held: 2, simulated: false }]);
  const mark = { name: 'nightly', dueAt: now };
  expect(await sandbox.sealQueues([queue?.runId ?? ''], now, mark)).toEqual([queue?.runId]);
  expect(await real.lastMark('nightly')).toBeUndefined();
  expect(await sandbox.lastMark('nightly')).toBe(now);
  expect(await real.sealQueues([], now, mark)).toEqual([]);
  expect(await real.sealQueues([], now, mark)).toBe('marked');
  expect(await real.listQueues()).toMatchObject([{ held: 2 }]);
});
