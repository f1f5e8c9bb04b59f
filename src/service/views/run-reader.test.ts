import { describe, expect, test } from 'vitest';
import { runDetails, runsPage } from '../contract/runs.ts';
import { enqueueJobs, hour, runQueue, sendRun, start } from '../sent-queue-fixtures.ts';
import { createViewsFixture, fits } from './views-fixtures.ts';

const iso = (ms: number) => new Date(ms).toISOString();

describe('a run', () => {
  test('that has ended', async () => {
    const { store, views } = createViewsFixture();
    const { runId } = await runQueue(store, 5, { ending: { failed: 2, errorCode: 'blocked' } });
    const run = fits(runDetails, await views.run(runId));
    expect(run).toMatchObject({
      run_id: runId,
      job_type: 'creative_scoring',
      provider: 'openai',
      state: 'ended',
      simulated: true,
      created_at: iso(start),
      ended_at: iso(start + hour),
      counts: { total: 5, succeeded: 3, failed: 2, queued: 0, packed: 0, running: 0, cancelled: 0, skipped: 0 },
      cost_usd: 0.015,
      cost_savings: 0.015,
      usage: { input_tokens: 300, output_tokens: 30, cached_tokens: 15 },
      is_over_budget: false,
      failures: [{ code: 'blocked', count: 2, example: 'it was blocked' }],
    });
    expect(run.batches.map(({ batch_id, status }) => [batch_id, status])).toEqual([['openai_1', 'completed']]);
  });

  test('that is open, and one whose price is not known', async () => {
    const { store, views } = createViewsFixture();
    const { runId: open } = await enqueueJobs(store, 2, { provider: 'gemini' });
    expect(fits(runDetails, await views.run(open))).toMatchObject({ state: 'open', ended_at: null, batches: [] });
    const { runId } = await runQueue(store, 1, { ending: { unpriced: true } });
    expect(fits(runDetails, await views.run(runId))).toMatchObject({ cost_usd: null, cost_savings: null });
  });

  test('that there is not', async () => {
    const { views } = createViewsFixture();
    await expect(views.run('run-x')).rejects.toMatchObject({ code: 'not_found' });
  });
});

test('runs by page, by type, provider, state and the beginning of their id', async () => {
  const { store, views } = createViewsFixture();
  const { runId: first } = await runQueue(store, 1);
  const { runId: second } = await enqueueJobs(store, 1, { provider: 'gemini' });
  const { runId: third } = await enqueueJobs(store, 1, { queue: 'hook_generation' });
  await sendRun(store, third);
  const ids = async (filter: Parameters<typeof views.runs>[0]) =>
    fits(runsPage, await views.runs(filter)).runs.map(({ run_id }) => run_id);
  const page = await views.runs({ limit: 2 });
  expect(page.runs.map(({ run_id }) => run_id)).toEqual([third, second]);
  expect(await ids({ limit: 2, before: page.next_before ?? 0 })).toEqual([first]);
  expect(await ids({ limit: 9, provider: 'gemini' })).toEqual([second]);
  expect(await ids({ limit: 9, jobType: 'hook_generation' })).toEqual([third]);
  expect(await ids({ limit: 9, state: 'open' })).toEqual([second]);
  expect(await ids({ limit: 9, state: 'running' })).toEqual([third]);
  expect(await ids({ limit: 9, state: 'ended' })).toEqual([first]);
  expect(await ids({ limit: 9, search: first })).toEqual([first]);
  await expect(views.runs({ limit: 1, state: 'lost' })).rejects.toMatchObject({ code: 'usage' });
});
