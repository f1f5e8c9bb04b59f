import { expect, onTestFinished, test } from 'vitest';
import type { QueuedJob } from '../service-store.ts';
import { createSqliteStore } from '../stores/sqlite/sqlite-store.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createAlerts } from './alerts/alerts.ts';
import { dutyOf } from './alerts/alerts-fixtures.ts';
import { defaultSettings } from './default-settings.ts';
import { ownSide } from './own-side.ts';
import { openStore, storeFolder } from './queue-fixtures.ts';
import { hour, runQueue, start } from './sent-queue-fixtures.ts';
import { createServiceViews } from './views/service-views.ts';

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
  const sideOf = (simulated: boolean) =>
    ownSide({ store, serviceStore: store.service, views: store.views }, simulated).serviceStore;
  const [real, sandbox] = [sideOf(false), sideOf(true)];
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

/** Real work for 100 dollars and the sandbox's for 5,000, on one store; a service of each side. */
async function createWorld() {
  const clock = createFakeClock(start + 2 * hour);
  const store = openStore(storeFolder(), { now: clock.now });
  const usd = (cost: number) => ({ costNanoUsd: cost * 1e9, realtimeNanoUsd: cost * 2e9 });
  await runQueue(store, 2, { simulated: false, endAt: start + hour, ending: usd(50) });
  await runQueue(store, 5, { simulated: true, endAt: start + hour, ending: { ...usd(1_000), failed: 0 } });
  await runQueue(store, 20, { simulated: true, endAt: start + hour, ending: { failed: 20, errorCode: 'made_up' } });
  const settings = structuredClone(defaultSettings);
  settings.alerts.monthly_budget_usd = 150;
  const serviceOf = (simulated: boolean) => {
    const side = ownSide({ store, serviceStore: store.service, views: store.views }, simulated);
    const common = { service: side.serviceStore, views: side.views, clock };
    const status = async () => ({ total_queued: 0, breakdown: {}, queues: [] });
    const nothing = { nextScheduled: async () => undefined, fault: () => undefined };
    const queues = { status, settings: async () => settings, ...nothing };
    const alerts = createAlerts({ ...common, settings: queues.settings, simulated, stranded: async () => [] });
    return {
      shown: createServiceViews({ ...common, store: side.store, queues, providers: [], version: '1' }),
      async look() {
        await dutyOf(alerts, 'alerts').run(new AbortController().signal);
        return (await alerts.list({ openOnly: true, limit: 9 }))
          .map(({ type, subject }) => `${type}:${subject}`)
          .sort();
      },
    };
  };
  return { store, real: serviceOf(false), sandbox: serviceOf(true) };
}

test('the money that the sandbox makes up is in no sum of a service with real providers, nor the other way', async () => {
  const { real, sandbox } = await createWorld();
  const moneyOf = async ({ shown }: typeof real) => {
    const { overview, days } = await shown.dashboard();
    return {
      jobs: overview.total_jobs_processed,
      batches: overview.total_batches_submitted,
      saved: [overview.total_cost_savings, (await shown.savings()).total_savings],
      cost: [days.at(-1)?.cost_usd, (await shown.savings()).batch_cost],
      byDay: (await shown.costs('day', '2026-11-01')).rows.map(({ cost_usd }) => cost_usd),
      byRun: (await shown.costs('run', '2026-11-01')).rows.map(({ cost_usd }) => cost_usd),
      metrics: (await shown.metrics()).totals.jobs_processed,
    };
  };
  const plain = { jobs: 2, batches: 1, metrics: 2 };
  expect(await moneyOf(real)).toEqual({ ...plain, saved: [100, 100], cost: [100, 100], byDay: [100], byRun: [100] });
  expect(await moneyOf(sandbox)).toMatchObject({ jobs: 25, batches: 2, saved: [5_000, 5_000], byRun: [5_000] });
});

test('the report of a side adds up its own runs and batches', async () => {
  const { real, sandbox } = await createWorld();
  const own = await real.shown.report(7);
  expect(own.metrics).toMatchObject({ total_jobs: 2, total_batches: 1, success_rate: 100, total_cost_savings: 100 });
  expect(own.failures).toEqual([]);
  expect(own.slowest_batches).toHaveLength(1);
  const made = await sandbox.shown.report(7);
  expect(made.metrics).toMatchObject({ total_jobs: 25, total_batches: 2, total_cost_savings: 5_000 });
  expect(made.failures).toEqual([{ code: 'made_up', count: 20 }]);
});

test('no alert of a service with real providers comes from the sandbox; each is told of its own milestones', async () => {
  const { store, real, sandbox } = await createWorld();
  expect(await real.look()).toEqual([]);
  expect(await sandbox.look()).toEqual(['budget_100:2026-11', 'high_failure_rate:', 'savings_milestone:5000']);
  await runQueue(store, 1, {
    simulated: false,
    endAt: start + hour,
    ending: { costNanoUsd: 0, realtimeNanoUsd: 1e12 },
  });
  // That the sandbox's milestone of 5,000 was told does not silence the real 1,000.
  expect(await real.look()).toEqual(['savings_milestone:1000']);
  // Nobody resolves what the other has found.
  expect(await sandbox.look()).toEqual(['budget_100:2026-11', 'high_failure_rate:', 'savings_milestone:5000']);
  const { everyAlert } = ownSide({ store, serviceStore: store.service, views: store.views }, false);
  const told = (await everyAlert({ limit: 9 })).map(({ name, title }) => `${name}: ${/simulated/.test(title)}`);
  expect(told.sort()).toEqual([
    'budget_100: true',
    'high_failure_rate: true',
    'savings_milestone: false',
    'savings_milestone: true',
  ]);
});

test('both look for alerts and send their report, though only one of each at a time', async () => {
  const { store } = await createWorld();
  const claims = [false, true].flatMap((simulated) => {
    const { serviceStore } = ownSide({ store, serviceStore: store.service, views: store.views }, simulated);
    return ['alerts', 'daily_report', 'deliveries'].map((duty) =>
      serviceStore.claimDuty(duty, `server-${simulated}`, start, start + 1),
    );
  });
  expect(await Promise.all(claims)).toEqual([true, true, true, true, true, false]);
});
