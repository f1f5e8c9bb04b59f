import { describe, expect, test } from 'vitest';
import { report } from '../contract/overview.ts';
import { ownViews } from '../own-side.ts';
import { endBatch, enqueueJobs, hour, moveBatch, runQueue, sendRun, start } from '../sent-queue-fixtures.ts';
import { markdownReport } from './markdown-report.ts';
import { buildReport } from './report.ts';
import { lastDays, yesterday } from './report-period.ts';
import { createViewsFixture, fits } from './views-fixtures.ts';

const day = 24 * hour;
const iso = (ms: number) => new Date(ms).toISOString();

describe('the report', () => {
  test('of a period in which nothing happened', async () => {
    const { views } = createViewsFixture();
    const made = fits(report, await views.report(30));
    expect(made.metrics).toMatchObject({ total_jobs: 0, total_batches: 0, avg_batch_size: 0, success_rate: 0 });
    expect(made.period).toEqual({ start: '2026-10-22T00:00:00.000Z', end: iso(start + 2 * hour), days: 30 });
    expect(await views.markdownReport(30)).toContain('Success rate: 0 %');
  });

  test('counts jobs, batches and money by type, provider and model', async () => {
    const { store, views } = createViewsFixture();
    await runQueue(store, 4, { ending: { failed: 1, errorCode: 'blocked' } });
    await runQueue(store, 2, {
      queue: 'hook_generation',
      provider: 'gemini',
      model: 'gemini-3',
      ending: { failed: 2 },
    });
    const { runId } = await enqueueJobs(store, 3, { provider: 'anthropic', model: 'claude' });
    const { lease } = await sendRun(store, runId);
    await moveBatch(store, lease, ['failed'], start);
    const made = fits(report, await views.report(1));
    expect(made.metrics).toEqual({
      period_start: '2026-11-20T00:00:00.000Z',
      period_end: iso(start + 2 * hour),
      total_jobs: 9,
      total_batches: 3,
      completed_batches: 2,
      failed_batches: 1,
      total_cost_savings: 0.015,
      avg_batch_size: 3,
      success_rate: 50,
      by_job_type: {
        creative_scoring: { jobs: 7, succeeded: 3, failed: 1, cost_usd: 0.015, savings_usd: 0.015 },
        hook_generation: { jobs: 2, succeeded: 0, failed: 2, cost_usd: 0, savings_usd: 0 },
      },
      by_provider: {
        anthropic: { jobs: 3, succeeded: 0, failed: 0, cost_usd: 0, savings_usd: 0 },
        gemini: { jobs: 2, succeeded: 0, failed: 2, cost_usd: 0, savings_usd: 0 },
        openai: { jobs: 4, succeeded: 3, failed: 1, cost_usd: 0.015, savings_usd: 0.015 },
      },
      by_model: {
        'openai:gpt-5-mini': expect.objectContaining({ attempts: 3, cost_usd: 0.015, savings_usd: 0.015 }),
      },
    });
    expect(made.cost_savings).toMatchObject({ total_savings: 0.015, batch_cost: 0.015, savings_percentage: 50 });
    expect(made.failures).toEqual([
      { code: 'refused', count: 2 },
      { code: 'blocked', count: 1 },
    ]);
  });

  test('respects its period: what ended before it is not in it', async () => {
    const { store, views } = createViewsFixture();
    await runQueue(store, 1, { at: start - 40 * day, endAt: start - 40 * day });
    await runQueue(store, 2, { at: start - 10 * day, endAt: start - 10 * day });
    await runQueue(store, 4, { at: start - day, endAt: start - day });
    await runQueue(store, 8, { at: start, endAt: start });
    const of = async (days: number) => {
      const { metrics, cost_savings: money } = await views.report(days);
      return [metrics.total_jobs, metrics.total_batches, money.batch_cost, money.jobs_processed];
    };
    expect(await of(1)).toEqual([8, 1, 0.04, 8]);
    expect(await of(2)).toEqual([12, 2, 0.06, 12]);
    expect(await of(10)).toEqual([12, 2, 0.06, 12]);
    expect(await of(11)).toEqual([14, 3, 0.07, 14]);
    expect(await of(60)).toEqual([15, 4, 0.075, 15]);
  });

  test('a night that began before midnight belongs to the day on which it ended, with its money', async () => {
    const { store, clock, views } = createViewsFixture();
    const midnight = start + 12 * hour;
    await runQueue(store, 5, { at: midnight - 20 * hour, endAt: midnight + 3 * hour });
    await clock.advance(midnight + 5 * hour - clock.now());
    expect((await views.report(1)).metrics).toMatchObject({
      total_jobs: 5,
      total_batches: 1,
      total_cost_savings: 0.025,
    });
    const source = { views: ownViews(store.views, true), service: store.service };
    const before = await buildReport(source, yesterday(clock.now()));
    expect(before.metrics).toMatchObject({ total_jobs: 0, total_batches: 0, total_cost_savings: 0 });
    await clock.advance(day);
    const over = fits(report, await buildReport(source, yesterday(clock.now())));
    expect(over.metrics).toMatchObject({ total_jobs: 5, total_batches: 1, total_cost_savings: 0.025 });
    expect(over.period).toEqual({ start: iso(midnight), end: iso(midnight + day), days: 1 });
  });

  test('what is under way belongs to the present', async () => {
    const { store, clock, views } = createViewsFixture();
    const { runId } = await enqueueJobs(store, 3, { at: start - 2 * day });
    await sendRun(store, runId, { at: start - 2 * day });
    await enqueueJobs(store, 2, { at: start - 2 * day });
    expect((await views.report(1)).metrics).toMatchObject({ total_jobs: 5, total_batches: 1, success_rate: 0 });
    const before = await buildReport(
      { views: ownViews(store.views, true), service: store.service },
      yesterday(clock.now()),
    );
    expect(before.metrics).toMatchObject({ total_jobs: 0, total_batches: 0 });
  });

  test('names the ten slowest batches, those under way by their age', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await enqueueJobs(store, 1, { at: start - 5 * hour, provider: 'gemini' });
    await sendRun(store, runId, { at: start - 5 * hour });
    for (let i = 1; i <= 12; i++)
      await runQueue(store, i, { at: start - 6 * hour, endAt: start - 6 * hour + (i * hour) / 4 });
    const { slowest_batches: slowest } = await views.report(1);
    expect(slowest).toHaveLength(10);
    expect(slowest.slice(0, 3)).toEqual([
      { batch_id: 'gemini_1', hours: 7, job_count: 1 },
      { batch_id: 'openai_13', hours: 3, job_count: 12 },
      { batch_id: 'openai_12', hours: 2.75, job_count: 11 },
    ]);
  });

  test('a batch that was given up before it was sent is none', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await enqueueJobs(store, 1);
    await store.service.sealQueues([runId], start);
    const [lane] = await store.findLanes({ runId, accounts: ['openai:test'] }, start);
    const batch = await store.openBatch(lane?.id ?? 0, 'nonce', { owner: 'a', now: start, leaseMs: 1000 });
    await store.updateBatch({ batchId: batch.id, generation: batch.generation }, { state: 'abandoned' }, start);
    await endBatch(store, await sendRun(store, runId));
    expect((await views.report(1)).metrics).toMatchObject({
      total_batches: 1,
      completed_batches: 1,
      failed_batches: 0,
    });
  });

  test('tells the alerts of its period', async () => {
    const { store, views } = createViewsFixture();
    const raise = (name: string, at: number) =>
      store.service.raiseAlert({ name, subject: '', severity: 'info', title: name, message: 'm' }, at);
    await raise('old', start - 10 * day);
    await store.service.resolveAlert('old', '', start - 9 * day);
    await raise('still_open', start - 10 * day);
    await raise('new', start);
    const names = async (days: number) => (await views.report(days)).alerts.map(({ type }) => type).sort();
    expect(await names(1)).toEqual(['new', 'still_open']);
    expect(await names(20)).toEqual(['new', 'old', 'still_open']);
  });

  test('reads any number of runs and batches, page by page', async () => {
    const { store, views } = createViewsFixture();
    for (let i = 0; i < 510; i++) await runQueue(store, 1, { at: start, endAt: start });
    expect((await views.report(1)).metrics).toMatchObject({
      total_jobs: 510,
      total_batches: 510,
      success_rate: 100,
    });
    expect(await views.batches({ limit: 5 })).toMatchObject({ next_before: 506 });
  });

  test.each([0, -1, 1.5, Number.NaN, 4_000])('not of %d days', async (days) => {
    const { views } = createViewsFixture();
    await expect(views.report(days)).rejects.toMatchObject({ code: 'usage' });
    await expect(views.markdownReport(days)).rejects.toMatchObject({ code: 'usage' });
    expect(() => lastDays(days, start)).toThrow();
  });
});

describe('the report in Markdown', () => {
  test("has the former system's sections", async () => {
    const { store, views } = createViewsFixture();
    await runQueue(store, 4, { ending: { failed: 1 } });
    const text = await views.markdownReport(1);
    for (const title of ['Overview', 'Cost Savings', 'Savings by Job Type', 'Performance', 'Alerts']) {
      expect(text).toContain(`\n## ${title}\n`);
    }
    expect(text).toContain('2026-11-20 00:00 to 2026-11-20 14:00 UTC (1 day)');
    expect(text).toContain('- Success rate: 75 %');
    expect(text).toContain('| creative_scoring | 4 | 3 | 1 | $0.0150 | $0.0150 |');
    expect(text).toContain('| openai_1 | 1 | 4 |');
    expect(text).toContain('| refused | 1 |');
    expect(text).toMatch(/## Alerts\n\nNone\.\n$/);
  });

  test('what others have named is text: no tag, link, image, row or line of its own', async () => {
    const { store, views } = createViewsFixture();
    const hostile = '<img src=x onerror=alert(1)> | a |\n# b ![c](http://d) `e`';
    await runQueue(store, 1, { model: hostile, ending: { failed: 0 } });
    await runQueue(store, 1, { ending: { failed: 1, errorCode: hostile } });
    await store.service.raiseAlert(
      { name: 'a', subject: '', severity: 'info', title: hostile, message: hostile },
      start,
    );
    const made = await views.report(1);
    const text = markdownReport(made);
    const escaped = '\\<img src=x onerror=alert(1)\\> \\| a \\| # b \\!\\[c\\](http://d) \\`e\\`';
    expect(text.split(escaped).length - 1).toBe(4);
    expect(text).not.toMatch(/(^|[^\\])</m);
    expect(text).not.toContain('![c]');
    expect(text).not.toMatch(/^# b/m);
  });
});
