import { describe, expect, test } from 'vitest';
import { alert as alertShape } from '../contract/overview.ts';
import { endBatch, enqueueJobs, hour, moveBatch, runQueue, sendRun, start } from '../sent-queue-fixtures.ts';
import { notePause } from './account-pauses.ts';
import { createAlertsFixture } from './alerts-fixtures.ts';

const day = 24 * hour;

test('nothing is the matter with a store that holds nothing', async () => {
  const fixture = createAlertsFixture();
  expect(await fixture.look()).toEqual([]);
  expect(await fixture.alerts.list({ openOnly: false, limit: 10 })).toEqual([]);
});

describe('high_failure_rate', () => {
  async function failBatch(fixture: ReturnType<typeof createAlertsFixture>, at: number) {
    const { runId } = await enqueueJobs(fixture.store, 1, { at });
    const { lease } = await sendRun(fixture.store, runId, { at });
    await moveBatch(fixture.store, lease, ['failed'], at);
  }

  test('of batches: above the limit, and no more once they are a day old', async () => {
    const fixture = createAlertsFixture();
    for (let i = 0; i < 9; i++) await runQueue(fixture.store, 1, { at: start, endAt: start });
    await failBatch(fixture, start);
    // Ten per cent is the limit, not above it.
    expect(await fixture.look()).toEqual([]);
    await failBatch(fixture, start);
    expect(await fixture.look()).toEqual(['high_failure_rate:']);
    const [alert] = await fixture.alerts.list({ openOnly: true, limit: 1 });
    expect(alertShape.strict().parse(alert)).toMatchObject({
      severity: 'warning',
      title: '18.18 % failed in the last 24 hours',
    });
    await fixture.clock.advance(day + 1);
    expect(await fixture.look()).toEqual([]);
    expect(await fixture.events()).toEqual(['alert_raised', 'alert_resolved']);
  });

  test('of requests, when the batches themselves are well', async () => {
    const fixture = createAlertsFixture();
    await runQueue(fixture.store, 20, { endAt: start, ending: { failed: 3 } });
    expect(await fixture.look()).toEqual(['high_failure_rate:']);
    fixture.settings.alerts.high_failure_rate_percent = 15;
    expect(await fixture.look()).toEqual([]);
  });

  test('one request of a few is no rate, and a batch that a person stopped no failure', async () => {
    const fixture = createAlertsFixture();
    await runQueue(fixture.store, 3, { endAt: start, ending: { failed: 1 } });
    const { runId } = await enqueueJobs(fixture.store, 1);
    const { lease, batchId } = await sendRun(fixture.store, runId);
    await fixture.store.service.cancelBatch(batchId);
    await moveBatch(fixture.store, lease, ['failed'], start);
    expect(await fixture.look()).toEqual([]);
  });
});

describe('stale_batch', () => {
  test('one alert for each, until it has ended', async () => {
    const fixture = createAlertsFixture();
    const [one, two] = [
      await enqueueJobs(fixture.store, 1),
      await enqueueJobs(fixture.store, 1, { provider: 'gemini' }),
    ];
    const first = await sendRun(fixture.store, one.runId);
    await sendRun(fixture.store, two.runId, { at: start + hour });
    await fixture.clock.advance(48 * hour);
    expect(await fixture.look()).toEqual([]);
    await fixture.clock.advance(1);
    expect(await fixture.look()).toEqual(['stale_batch:openai_1']);
    await fixture.clock.advance(hour);
    expect(await fixture.look()).toEqual(['stale_batch:gemini_2', 'stale_batch:openai_1']);
    await endBatch(fixture.store, first, { at: fixture.clock.now() });
    expect(await fixture.look()).toEqual(['stale_batch:gemini_2']);
    expect(await fixture.events()).toEqual(['alert_raised', 'alert_raised', 'alert_resolved']);
  });

  test('one that was never sent is stale too: nothing was submitted, and nothing is at fault with that', async () => {
    const fixture = createAlertsFixture();
    const { runId } = await enqueueJobs(fixture.store, 1);
    await fixture.store.service.sealQueues([runId], start);
    const [lane] = await fixture.store.findLanes({ runId, accounts: ['openai:test'] }, start);
    await fixture.store.openBatch(lane?.id ?? 0, 'nonce', { owner: 'a', now: start, leaseMs: 1000 });
    await fixture.clock.advance(49 * hour);
    expect(await fixture.look()).toEqual(['stale_batch:openai_1']);
  });
});

test('large_queue: more wait than the limit, over all queues', async () => {
  const fixture = createAlertsFixture();
  fixture.settings.alerts.large_queue_jobs = 10;
  const { runId } = await enqueueJobs(fixture.store, 6);
  await enqueueJobs(fixture.store, 4, { queue: 'hook_generation' });
  expect(await fixture.look()).toEqual([]);
  await enqueueJobs(fixture.store, 1, { provider: 'gemini' });
  expect(await fixture.look()).toEqual(['large_queue:']);
  await fixture.store.service.sealQueues([runId], start);
  expect(await fixture.look()).toEqual([]);
});

describe('savings_milestone', () => {
  const saving = (usd: number) => ({ costNanoUsd: 0, realtimeNanoUsd: usd * 1e9 });
  const save = (fixture: ReturnType<typeof createAlertsFixture>, usd: number) =>
    runQueue(fixture.store, 1, { at: fixture.clock.now(), endAt: fixture.clock.now(), ending: saving(usd) });

  test('each multiple once, shown for a day', async () => {
    const fixture = createAlertsFixture();
    await save(fixture, 999);
    expect(await fixture.look()).toEqual([]);
    await save(fixture, 51);
    expect(await fixture.look()).toEqual(['savings_milestone:1000']);
    await fixture.clock.advance(day - 1);
    expect(await fixture.look()).toEqual(['savings_milestone:1000']);
    await fixture.clock.advance(1);
    expect(await fixture.look()).toEqual([]);
    // Still within 100 above the multiple: as the former system told it, again and again.
    expect(await fixture.look(fixture.another())).toEqual([]);
    await save(fixture, 1_200);
    // Passed by more than 100 in one night: it is told all the same.
    expect(await fixture.look()).toEqual(['savings_milestone:2000']);
    expect(await fixture.events()).toEqual(['alert_raised', 'alert_resolved', 'alert_raised']);
  });

  test('one that was passed long before anybody looked is no news', async () => {
    const fixture = createAlertsFixture();
    await save(fixture, 5_500);
    expect(await fixture.look()).toEqual([]);
    await save(fixture, 400);
    expect(await fixture.look()).toEqual([]);
    await save(fixture, 101);
    expect(await fixture.look()).toEqual(['savings_milestone:6000']);
  });

  test('is told once more, not lost, when the process crashed in between', async () => {
    const fixture = createAlertsFixture();
    await save(fixture, 1_050);
    const { service } = fixture.store;
    const broken = fixture.another({ service: { ...service, planFrom: () => Promise.reject(new Error('crashed')) } });
    expect(await fixture.look(broken)).toEqual(['monitoring_error:savings_milestone', 'savings_milestone:1000']);
    expect(await fixture.look()).toEqual(['savings_milestone:1000']);
  });
});

describe('the budget of the month', () => {
  const spend = (fixture: ReturnType<typeof createAlertsFixture>, usd: number) =>
    runQueue(fixture.store, 1, {
      at: fixture.clock.now(),
      endAt: fixture.clock.now(),
      ending: { costNanoUsd: usd * 1e9, realtimeNanoUsd: usd * 1e9 },
    });

  test('at 80 and at 100 per cent, of all queues, and anew in the next month', async () => {
    const fixture = createAlertsFixture();
    await spend(fixture, 79);
    expect(await fixture.look()).toEqual([]);
    fixture.settings.alerts.monthly_budget_usd = 100;
    expect(await fixture.look()).toEqual([]);
    await spend(fixture, 1);
    expect(await fixture.look()).toEqual(['budget_80:2026-11']);
    await spend(fixture, 20);
    expect(await fixture.look()).toEqual(['budget_100:2026-11']);
    await fixture.clock.advance(Date.UTC(2026, 11, 1) - fixture.clock.now());
    expect(await fixture.look()).toEqual([]);
    await spend(fixture, 85);
    expect(await fixture.look()).toEqual(['budget_80:2026-12']);
  });
});

describe('account_paused', () => {
  test('while a worker of any process leaves the account alone', async () => {
    const fixture = createAlertsFixture();
    const pause = { account: 'openai:1234', until: start + 15 * 60_000, message: 'the key was refused' };
    await notePause(fixture.store.service, pause, fixture.clock);
    expect(await fixture.look()).toEqual(['account_paused:openai:1234']);
    const [alert] = await fixture.alerts.list({ openOnly: true, limit: 1 });
    expect(alert).toMatchObject({ severity: 'critical', message: expect.stringContaining('the key was refused') });
    // Tried again and refused again: nothing is resolved and raised in between.
    await fixture.clock.advance(15 * 60_000 + 5_000);
    expect(await fixture.look()).toEqual(['account_paused:openai:1234']);
    const again = { ...pause, until: fixture.clock.now() + 15 * 60_000 };
    await notePause(fixture.store.service, again, fixture.clock);
    await fixture.clock.advance(15 * 60_000);
    expect(await fixture.look()).toEqual(['account_paused:openai:1234']);
    await fixture.clock.advance(5 * 60_000);
    expect(await fixture.look()).toEqual([]);
    expect(await fixture.events()).toEqual(['alert_raised', 'alert_resolved']);
  });

  test('two that pause an account at the same moment are both told of', async () => {
    const fixture = createAlertsFixture();
    const accounts = ['openai:1234', 'gemini:5678', 'anthropic:9'];
    const pause = { until: start + 15 * 60_000, message: 'the key was refused' };
    await Promise.all(
      accounts.map((account) => notePause(fixture.store.service, { ...pause, account }, fixture.clock)),
    );
    expect((await fixture.look()).toSorted()).toEqual(
      accounts.map((account) => `account_paused:${account}`).toSorted(),
    );
  });

  test.each(['auth', 'quota'])('a batch that waits with %s says so as well', async (code) => {
    const fixture = createAlertsFixture();
    const { runId } = await enqueueJobs(fixture.store, 1);
    const { lease } = await sendRun(fixture.store, runId);
    await fixture.store.updateBatch(lease, { errorCode: code, errorMessage: 'no more money' }, start);
    expect(await fixture.look()).toEqual(['account_paused:openai:test']);
    await fixture.store.updateBatch(lease, { errorCode: null, errorMessage: null }, start);
    expect(await fixture.look()).toEqual([]);
  });
});

test('account_unserved: while jobs wait for an account that nobody has', async () => {
  const run = { runId: 'run-1', queue: 'video_analysis', provider: 'gemini', account: 'gemini:1234', simulated: false };
  const stranded = [run, { ...run, runId: 'run-2', queue: 'creative_scoring' }];
  const fixture = createAlertsFixture({ stranded: async () => stranded });
  expect(await fixture.look()).toEqual(['account_unserved:gemini:1234']);
  const [alert] = await fixture.alerts.list({ openOnly: true, limit: 1 });
  expect(alert?.message).toContain('Jobs of video_analysis, creative_scoring wait');
  stranded.length = 0;
  expect(await fixture.look()).toEqual([]);
});

describe('disk_nearly_full', () => {
  test('below the limit', async () => {
    const space = { freeBytes: 6e9, totalBytes: 100e9 };
    const fixture = createAlertsFixture({ diskSpace: async () => space });
    expect(await fixture.look()).toEqual([]);
    space.freeBytes = 4.9e9;
    expect(await fixture.look()).toEqual(['disk_nearly_full:']);
    space.freeBytes = 50e9;
    expect(await fixture.look()).toEqual([]);
  });

  test("the real disk of the store's folder is read", async () => {
    const fixture = createAlertsFixture({ storePath: '/tmp/offpeak.db' });
    fixture.settings.alerts.disk_free_percent = 100;
    expect(await fixture.look()).toEqual(['disk_nearly_full:']);
    fixture.settings.alerts.disk_free_percent = 0;
    expect(await fixture.look()).toEqual([]);
  });
});

describe('a look at everything', () => {
  test('goes on when a check fails, says so, and keeps what it does not know', async () => {
    let broken = false;
    const space = async () => {
      if (broken) throw new Error('EIO');
      return { freeBytes: 1, totalBytes: 100 };
    };
    const fixture = createAlertsFixture({ diskSpace: space });
    expect(await fixture.look()).toEqual(['disk_nearly_full:']);
    broken = true;
    fixture.settings.alerts.large_queue_jobs = 1;
    await enqueueJobs(fixture.store, 2);
    expect(await fixture.look()).toEqual(['disk_nearly_full:', 'large_queue:', 'monitoring_error:disk']);
    broken = false;
    expect(await fixture.look()).toEqual(['disk_nearly_full:', 'large_queue:']);
    expect(await fixture.events()).toEqual(['alert_raised', 'alert_raised', 'alert_raised', 'alert_resolved']);
  });

  test('raises once, from however many processes and looks, and tells the newest figures', async () => {
    const fixture = createAlertsFixture();
    fixture.settings.alerts.large_queue_jobs = 1;
    for (let jobs = 2; jobs < 6; jobs++) {
      await enqueueJobs(fixture.store, jobs === 2 ? 2 : 1);
      await Promise.all([fixture.look(), fixture.look(fixture.another())]);
    }
    expect(await fixture.events()).toEqual(['alert_raised']);
    const [alert] = await fixture.alerts.list({ openOnly: true, limit: 1 });
    expect(alert?.message).toMatch(/^5 jobs wait/);
    expect(alert?.raised_at).toBe(new Date(start).toISOString());
  });

  test('ends when the service is closed', async () => {
    const fixture = createAlertsFixture();
    fixture.settings.alerts.large_queue_jobs = 1;
    await enqueueJobs(fixture.store, 2);
    await fixture.alerts.duties[0]?.run(AbortSignal.abort());
    expect(await fixture.events()).toEqual([]);
  });
});
