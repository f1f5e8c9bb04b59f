import { describe, expect, test } from 'vitest';
import { createFakeClock } from '../../testing/fake-clock.ts';
import type { SpendingRow } from '../../views.ts';
import { costs, savings } from '../contract/money.ts';
import { metrics } from '../contract/overview.ts';
import { jobTypes } from '../contract/words.ts';
import { enqueueJobs, hour, moveBatch, runQueue, sendRun, start } from '../sent-queue-fixtures.ts';
import { createSpendingHistory } from './spending-history.ts';
import { createViewsFixture, fits } from './views-fixtures.ts';

const day = 24 * hour;
const usd = (cost: number, realtime: number) => ({ costNanoUsd: cost * 1e9, realtimeNanoUsd: realtime * 1e9 });

/** Two types, two providers, two models, two days; nothing is a fixed share of anything. */
async function spendSome() {
  const fixture = createViewsFixture();
  const { store } = fixture;
  await runQueue(store, 2, { at: start - day, endAt: start - day, ending: usd(1, 3) });
  await runQueue(store, 3, {
    provider: 'gemini',
    model: 'gemini-2.5-flash',
    endAt: start,
    ending: { ...usd(0.5, 1), failed: 1 },
  });
  await runQueue(store, 1, { queue: 'hook_generation', model: 'gpt-5', endAt: start, ending: usd(0.25, 4) });
  return fixture;
}

describe('savings', () => {
  test('are what was charged against what it would have cost, by type, provider and model', async () => {
    const { views } = await spendSome();
    expect(fits(savings, await views.savings())).toEqual({
      total_savings: 8.75,
      savings_by_type: { creative_scoring: 5, hook_generation: 3.75 },
      savings_by_provider: { openai: 7.75, gemini: 1 },
      savings_by_model: { 'openai:gpt-5-mini': 4, 'gemini:gemini-2.5-flash': 1, 'openai:gpt-5': 3.75 },
      realtime_cost: 12,
      batch_cost: 3.25,
      savings_percentage: 72.92,
      jobs_processed: 6,
      unpriced_jobs: 0,
    });
  });

  test('are booked when the answers come, not when they are asked for', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await enqueueJobs(store, 5);
    await sendRun(store, runId);
    expect(await views.savings()).toMatchObject({ total_savings: 0, savings_percentage: 0, jobs_processed: 0 });
  });

  test('what has no known price is told, and is in no sum', async () => {
    const { store, views } = createViewsFixture();
    await runQueue(store, 2, { ending: usd(1, 2) });
    await runQueue(store, 3, { model: 'new-model', ending: { unpriced: true } });
    expect(await views.savings()).toMatchObject({ total_savings: 2, batch_cost: 2, unpriced_jobs: 3 });
  });

  test('of nothing are nothing', async () => {
    const { views } = createViewsFixture();
    expect(fits(savings, await views.savings())).toMatchObject({ total_savings: 0, savings_percentage: 0 });
  });
});

describe('costs', () => {
  test('by day, oldest first, and from a day on', async () => {
    const { views } = await spendSome();
    const byDay = fits(costs, await views.costs('day', '2026-11-01'));
    expect(byDay.rows.map(({ group, cost_usd, attempts }) => [group, cost_usd, attempts])).toEqual([
      ['2026-11-19', 2, 2],
      ['2026-11-20', 1.25, 3],
    ]);
    expect((await views.costs('day', '2026-11-20')).rows.map(({ group }) => group)).toEqual(['2026-11-20']);
    expect((await views.costs('day', '2026-11-21')).rows).toEqual([]);
  });

  test.each([
    ['job_type', ['creative_scoring', 'hook_generation']],
    ['provider', ['openai', 'gemini']],
    ['model', ['openai:gpt-5-mini', 'gemini:gemini-2.5-flash', 'openai:gpt-5']],
  ] as const)('by %s, the dearest first', async (by, groups) => {
    const { views } = await spendSome();
    const { rows } = fits(costs, await views.costs(by, '2026-01-01'));
    expect(rows.map(({ group }) => group)).toEqual(groups);
    expect(rows.reduce((sum, { cost_usd }) => sum + cost_usd, 0)).toBe(3.25);
  });

  test('by run, with all their figures', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await runQueue(store, 2, { ending: usd(1, 3) });
    expect((await views.costs('run', '2026-01-01')).rows).toEqual([
      {
        group: runId,
        attempts: 2,
        input_tokens: 200,
        output_tokens: 20,
        cached_tokens: 10,
        cost_usd: 2,
        realtime_usd: 6,
        savings_usd: 4,
        unpriced: 0,
      },
    ]);
  });

  test.each(['yesterday', '2026-1-1', "2026-01-01' OR 1", ''])('not from %s', async (since) => {
    const { views } = createViewsFixture();
    await expect(views.costs('day', since)).rejects.toMatchObject({ code: 'usage' });
  });

  test('sums of small money are exact', async () => {
    const { store, views } = createViewsFixture();
    for (let i = 0; i < 10; i++)
      await runQueue(store, 1, { ending: { costNanoUsd: 100_000_000, realtimeNanoUsd: 300_000_000 } });
    const { rows } = await views.costs('provider', '2026-01-01');
    // Added up in dollars, ten times 0.1 is 0.9999999999999999.
    expect(rows[0]).toMatchObject({ cost_usd: 1, realtime_usd: 3, savings_usd: 2 });
  });
});

describe('metrics', () => {
  test('the six counters of each type, from what happened', async () => {
    const { store, views } = await spendSome();
    await enqueueJobs(store, 7);
    const { runId } = await enqueueJobs(store, 4, { queue: 'video_analysis', provider: 'gemini' });
    const { lease } = await sendRun(store, runId);
    await moveBatch(store, lease, ['failed'], start);
    const all = fits(metrics, await views.metrics());
    expect(Object.keys(all.by_category)).toEqual([...jobTypes]);
    expect(all.by_category.creative_scoring).toEqual({
      jobs_queued: 12,
      jobs_processed: 5,
      batches_submitted: 2,
      batches_completed: 2,
      batches_failed: 0,
      cost_savings: 5,
    });
    expect(all.by_category.video_analysis).toMatchObject({ jobs_queued: 4, jobs_processed: 0, batches_failed: 1 });
    expect(all.by_category.bulk_prediction).toEqual({
      jobs_queued: 0,
      jobs_processed: 0,
      batches_submitted: 0,
      batches_completed: 0,
      batches_failed: 0,
      cost_savings: 0,
    });
    expect(all.totals).toEqual({
      jobs_queued: 17,
      jobs_processed: 6,
      batches_submitted: 4,
      batches_completed: 3,
      batches_failed: 1,
      cost_savings: 8.75,
    });
    expect(all.current_queue_size).toBe(7);
  });

  test('of one category alone', async () => {
    const { store, views } = await spendSome();
    await enqueueJobs(store, 7);
    await enqueueJobs(store, 2, { queue: 'hook_generation' });
    const one = fits(metrics, await views.metrics('hook_generation'));
    expect(Object.keys(one.by_category)).toEqual(['hook_generation']);
    expect(one.totals).toEqual(one.by_category.hook_generation);
    expect(one).toMatchObject({ current_queue_size: 2, totals: { jobs_queued: 3, jobs_processed: 1 } });
    await expect(views.metrics('ctr_prediction')).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('all that was ever spent', () => {
  const row = (day: string, cost: number): SpendingRow => ({
    day,
    provider: 'openai',
    model: 'm',
    realtime: false,
    attempts: 1,
    inputTokens: 0,
    outputTokens: 0,
    cachedTokens: 0,
    costNanoUsd: cost,
    realtimeNanoUsd: 0,
    unpriced: 0,
  });

  test('is read whole once a day; else yesterday and today alone', async () => {
    const clock = createFakeClock(start);
    const asked: string[] = [];
    const rows = [row('2026-01-01', 1), row('2026-11-18', 2), row('2026-11-19', 4), row('2026-11-20', 8)];
    const spent = createSpendingHistory(
      {
        listSpending: async (since) => {
          asked.push(since);
          return rows.filter(({ day }) => day >= since);
        },
      },
      clock,
    );
    const total = async () => (await spent()).reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
    expect(await total()).toBe(15);
    rows.push(row('2026-11-20', 16));
    // A row of yesterday's last second, written after midnight.
    rows.push(row('2026-11-19', 32));
    expect(await total()).toBe(63);
    expect(asked).toEqual(['', '2026-11-19', '2026-11-19']);
    await clock.advance(day);
    rows.push(row('2026-11-21', 64));
    expect(await total()).toBe(127);
    expect(asked.slice(3)).toEqual(['', '2026-11-20']);
    expect(await spent()).toHaveLength(1);
  });
});
