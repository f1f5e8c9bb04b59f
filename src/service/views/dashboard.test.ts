import { describe, expect, test } from 'vitest';
import { health } from '../contract/operations.ts';
import { dashboard } from '../contract/overview.ts';
import { ownViews } from '../own-side.ts';
import { endBatch, enqueueJobs, hour, runQueue, sendRun, start } from '../sent-queue-fixtures.ts';
import { createServiceViews } from './service-views.ts';
import { createViewsFixture, fits } from './views-fixtures.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const day = 24 * hour;

describe('the dashboard', () => {
  test('of a store that holds nothing is full of zeros', async () => {
    const { views } = createViewsFixture();
    const shown = fits(dashboard, await views.dashboard());
    expect(shown.overview).toEqual({
      total_jobs_queued: 0,
      total_jobs_processed: 0,
      total_batches_submitted: 0,
      total_batches_completed: 0,
      active_batches: 0,
      success_rate: 0,
      total_cost_savings: 0,
      jobs_under_way: 0,
      jobs_failed: 0,
    });
    expect(shown.performance_trends).toEqual({
      jobs_per_batch: 0,
      success_rate: 0,
      failure_rate: 0,
      avg_cost_savings_per_batch: 0,
    });
    expect(shown.days).toHaveLength(30);
    expect(shown.recent_activity).toEqual([]);
  });

  test('tells what is', async () => {
    const { store, clock, settings, views } = createViewsFixture();
    settings.schedule = { enabled: true, time: '02:00', time_zone: 'Europe/Berlin' };
    await runQueue(store, 4, { at: start - 2 * day, endAt: start - 2 * day, ending: { failed: 1 } });
    await runQueue(store, 2, { queue: 'hook_generation', provider: 'gemini', endAt: start });
    await enqueueJobs(store, 3, { priority: 9 });
    await enqueueJobs(store, 2, { priority: 2 });
    const { runId } = await enqueueJobs(store, 5, { provider: 'anthropic' });
    await sendRun(store, runId, { at: start + hour });
    await store.service.raiseAlert({ name: 'a', subject: 's', severity: 'info', title: 't', message: 'm' }, start);
    const shown = fits(dashboard, await views.dashboard());
    expect(shown.overview).toEqual({
      total_jobs_queued: 16,
      total_jobs_processed: 6,
      total_batches_submitted: 3,
      total_batches_completed: 2,
      active_batches: 1,
      success_rate: 83.33,
      total_cost_savings: 0.025,
      jobs_under_way: 5,
      jobs_failed: 1,
    });
    expect(shown.active_batches).toMatchObject([{ batch_id: 'anthropic_3', status: 'processing', age_hours: 1 }]);
    expect(shown.queue_breakdown).toEqual({
      creative_scoring_openai: { job_type: 'creative_scoring', provider: 'openai', count: 5 },
    });
    expect(shown.queues[0]?.priorities).toEqual([
      { priority: 9, count: 3 },
      { priority: 2, count: 2 },
    ]);
    expect(shown.metrics_by_category.creative_scoring?.jobs_queued).toBe(14);
    expect(shown.cost_savings).toMatchObject({ total_savings: 0.025, jobs_processed: 6 });
    expect(shown.performance_trends).toEqual({
      jobs_per_batch: 2,
      success_rate: 83.33,
      failure_rate: 16.67,
      avg_cost_savings_per_batch: 0.008333333,
    });
    expect(shown.days.map(({ day: name }) => name).slice(-3)).toEqual(['2026-11-18', '2026-11-19', '2026-11-20']);
    expect(shown.days.map(({ cost_usd }) => cost_usd).slice(-3)).toEqual([0.015, 0, 0.01]);
    expect(shown.alerts).toMatchObject([{ type: 'a', subject: 's', resolved_at: null }]);
    expect(shown.schedule).toEqual({
      enabled: true,
      time: '02:00',
      time_zone: 'Europe/Berlin',
      next_at: iso(start + 14 * hour),
    });
    expect(shown.simulated).toBe(false);
    expect(shown.last_updated).toBe(iso(clock.now()));
  });

  test('recent activity is of the batches that changed last, whatever has become of them', async () => {
    const { store, views } = createViewsFixture();
    const slow = await enqueueJobs(store, 1, { provider: 'anthropic' });
    const sent = await sendRun(store, slow.runId, { at: start });
    for (let i = 0; i < 12; i++) await runQueue(store, 1, { at: start, endAt: start + i * 1_000 });
    // The oldest has just ended.
    await endBatch(store, sent, { at: start + hour });
    const { recent_activity: recent } = await views.dashboard();
    expect(recent).toHaveLength(10);
    expect(recent[0]).toMatchObject({ batch_id: 'anthropic_1', status: 'completed', timestamp: iso(start + hour) });
    expect(recent[1]).toMatchObject({ batch_id: 'openai_13', submitted_at: iso(start), cost_savings: 0.005 });
  });

  test('where other events crowd theirs out, the newest batches stand in', async () => {
    const { store, views } = createViewsFixture();
    await runQueue(store, 1);
    for (let i = 0; i < 210; i++) {
      await store.service.raiseAlert({ name: 'a', subject: `${i}`, severity: 'info', title: '', message: '' }, start);
    }
    const { recent_activity: recent } = await views.dashboard();
    expect(recent).toMatchObject([{ batch_id: 'openai_1', timestamp: iso(start + hour) }]);
  });

  test('a batch that was never submitted does no harm', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await enqueueJobs(store, 1);
    await store.service.sealQueues([runId], start);
    const [lane] = await store.findLanes({ runId, accounts: ['openai:test'] }, start);
    await store.openBatch(lane?.id ?? 0, 'nonce', { owner: 'a', now: start, leaseMs: 1000 });
    const shown = fits(dashboard, await views.dashboard());
    expect(shown.recent_activity).toMatchObject([{ status: 'queued', submitted_at: null }]);
    expect(shown.active_batches).toMatchObject([{ status: 'queued', submitted_at: null, provider_status: null }]);
  });

  test('a hundred browsers cost one computation a second', async () => {
    const fixture = createViewsFixture();
    const { store, clock } = fixture;
    const own = ownViews(store.views, true);
    let totals = 0;
    const views = createServiceViews({
      store,
      service: store.service,
      views: {
        ...own,
        totals: () => {
          totals += 1;
          return own.totals();
        },
      },
      queues: {
        status: async () => ({ total_queued: 0, breakdown: {}, queues: [] }),
        settings: async () => fixture.settings,
        nextScheduled: async () => undefined,
        fault: () => undefined,
      },
      providers: [],
      version: '1',
      clock,
    });
    await Promise.all(Array.from({ length: 100 }, () => views.dashboard()));
    expect(totals).toBe(1);
    await clock.advance(1_000);
    await enqueueJobs(store, 1);
    expect((await views.dashboard()).overview.total_jobs_queued).toBe(1);
    expect(totals).toBe(2);
  });
});

describe('health', () => {
  test('healthy; degraded with a critical alert, and with no other', async () => {
    const { store, views } = createViewsFixture();
    await enqueueJobs(store, 2);
    const { runId } = await enqueueJobs(store, 1, { provider: 'gemini' });
    await sendRun(store, runId);
    const alert = { name: 'a', subject: '', title: 'The disk is full', message: 'm' };
    await store.service.raiseAlert({ ...alert, severity: 'warning' }, start);
    expect(fits(health, await views.health())).toMatchObject({
      status: 'healthy',
      redis_connected: true,
      store_connected: true,
      queue_size: 2,
      active_batches: 1,
      reasons: [],
      version: '1.2.3',
    });
    await store.service.raiseAlert({ ...alert, name: 'b', severity: 'critical' }, start);
    expect(await views.health()).toMatchObject({ status: 'degraded', reasons: ['The disk is full'] });
  });

  test('unhealthy when no jobs can be stored, or the store does not answer; it never throws', async () => {
    const { store, views, fault } = createViewsFixture();
    fault.message = 'The disk is full.';
    expect(fits(health, await views.health())).toMatchObject({
      status: 'unhealthy',
      store_connected: false,
      reasons: ['The disk is full.'],
    });
    await store.close();
    expect(fits(health, await views.health())).toMatchObject({
      status: 'unhealthy',
      redis_connected: false,
      store_connected: false,
      queue_size: 0,
    });
    expect((await views.health()).reasons).toHaveLength(1);
  });
});
