import { describe, expect, test } from 'vitest';
import { resultRow } from '../contract/batches.ts';
import { jobDetails, jobsPage } from '../contract/jobs.ts';
import { jobIdOf } from '../public-ids.ts';
import { queuedJob } from '../queue-fixtures.ts';
import { endBatch, enqueueJobs, hour, runQueue, sendRun, start } from '../sent-queue-fixtures.ts';
import { createViewsFixture, fits } from './views-fixtures.ts';

const iso = (ms: number) => new Date(ms).toISOString();
const scoring = (job: number | undefined) => jobIdOf('creative_scoring', job ?? 0);

describe('a job', () => {
  test('that waits in its queue', async () => {
    const { store, views } = createViewsFixture();
    const request = {
      ...queuedJob().request,
      body: '{"model":"gpt-5-mini","messages":[{"role":"user","content":"ü"}]}',
    };
    const { jobs, runId } = await enqueueJobs(store, 1, { request, priority: 9, data: '{"script":"ü"}' });
    expect(fits(jobDetails, await views.job(scoring(jobs[0])))).toMatchObject({
      job_id: scoring(jobs[0]),
      run_id: runId,
      batch_id: null,
      job_type: 'creative_scoring',
      status: 'queued',
      held: true,
      priority: 9,
      attempts: 0,
      created_at: iso(start),
      data: { script: 'ü' },
      request: { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'ü' }] },
      endpoint: '/v1/chat/completions',
      output: null,
      error: null,
      ended_at: null,
      cost_usd: null,
      callback_url: null,
      history: [],
      deliveries: [],
    });
  });

  test('that has an answer: where it was sent, what it cost, who was told', async () => {
    const { store, clock, views } = createViewsFixture();
    const { jobs } = await runQueue(store, 1, { callbackUrl: 'https://example.com/hook?token=canary' });
    await store.service.planDeliveries(clock.now());
    const job = fits(jobDetails, await views.job(scoring(jobs[0])));
    expect(job).toMatchObject({
      status: 'succeeded',
      held: false,
      batch_id: 'openai_1',
      output: 'answer 0',
      ended_at: iso(start + hour),
      cost_usd: 0.005,
      callback_url: 'https://example.com/hook?...',
      history: [
        {
          attempt: 1,
          batch_id: 'openai_1',
          outcome: 'succeeded',
          error: null,
          usage: { input_tokens: 100, output_tokens: 10 },
          cost_usd: 0.005,
          ended_at: iso(start + hour),
        },
      ],
      deliveries: [{ delivery_id: 1, state: 'pending', attempts: 0 }],
    });
    expect(JSON.stringify(job)).not.toContain('canary');
  });

  test('that failed, and was tried again: every attempt, and all that was charged', async () => {
    const { store, views } = createViewsFixture();
    const { jobs, runId } = await enqueueJobs(store, 1);
    const first = await sendRun(store, runId);
    const money = { usage: { inputTokens: 10, outputTokens: 1 }, costNanoUsd: 1_000_000, realtimeNanoUsd: 2_000_000 };
    const failed = { outcome: 'failed', errorCode: 'refused', errorMessage: 'declined', ...money } as const;
    await store.book(
      first.attempts.map((ref) => ({ ...ref, ...failed, at: start, next: 'queued' as const })),
      first.lease,
    );
    const second = await sendRun(store, runId);
    await endBatch(store, second, { costNanoUsd: 3_000_000 });
    const job = fits(jobDetails, await views.job(scoring(jobs[0])));
    expect(job).toMatchObject({ status: 'succeeded', attempts: 2, cost_usd: 0.004, batch_id: 'openai_2' });
    expect(job.history.map(({ batch_id, outcome, error }) => [batch_id, outcome, error?.code])).toEqual([
      ['openai_1', 'failed', 'refused'],
      ['openai_2', 'succeeded', undefined],
    ]);
  });

  test('whose price is not known costs what nobody knows', async () => {
    const { store, views } = createViewsFixture();
    const { jobs } = await runQueue(store, 1, { ending: { unpriced: true } });
    expect(await views.job(scoring(jobs[0]))).toMatchObject({ cost_usd: null, history: [{ cost_usd: null }] });
  });

  test('is found by exactly its own id', async () => {
    const { store, views } = createViewsFixture();
    const { jobs } = await enqueueJobs(store, 1);
    const job = jobs[0] ?? 0;
    for (const id of [
      jobIdOf('hook_generation', job),
      jobIdOf(undefined, job),
      jobIdOf('creative_scoring', job + 1),
      `${scoring(job)} `,
      scoring(job).toUpperCase(),
      String(job),
      '',
    ]) {
      await expect(views.job(id), id).rejects.toMatchObject({ code: 'not_found' });
    }
    expect(await views.job(scoring(job))).toBeDefined();
  });
});

describe('jobs', () => {
  test('by page, by state, by batch, by id, and by key inside a run', async () => {
    const { store, views } = createViewsFixture();
    const { jobs, runId } = await runQueue(store, 5, { ending: { failed: 2 } });
    const { jobs: others } = await enqueueJobs(store, 2, { provider: 'gemini' });
    const ids = async (filter: Parameters<typeof views.jobs>[0]) =>
      fits(jobsPage, await views.jobs(filter)).jobs.map(({ job_id }) => job_id);
    const first = fits(jobsPage, await views.jobs({ limit: 4 }));
    const rest = await views.jobs({ limit: 4, before: first.next_before ?? 0 });
    expect([...first.jobs, ...rest.jobs].map(({ job_id }) => job_id)).toEqual(
      [...jobs, ...others].toReversed().map(scoring),
    );
    expect(rest.next_before).toBeNull();
    expect(await ids({ limit: 9, states: ['failed'] })).toEqual([jobs[1], jobs[0]].map(scoring));
    expect(await ids({ limit: 9, batchId: 'openai_1', states: ['succeeded'] })).toHaveLength(3);
    expect(await ids({ limit: 9, search: scoring(jobs[3]) })).toEqual([scoring(jobs[3])]);
    expect(await ids({ limit: 9, search: scoring(jobs[3]), states: ['failed'] })).toEqual([]);
    expect(await ids({ limit: 9, search: scoring(others[0]), runId })).toEqual([]);
    const { key } = await views.job(scoring(jobs[2]));
    expect(await ids({ limit: 9, runId, search: key })).toEqual([scoring(jobs[2])]);
  });

  test('what cannot be asked for', async () => {
    const { views } = createViewsFixture();
    await expect(views.jobs({ limit: 1, states: ['lost'] })).rejects.toMatchObject({ code: 'usage' });
    await expect(views.jobs({ limit: 1, search: 'abc' })).rejects.toMatchObject({ code: 'usage' });
    await expect(views.jobs({ limit: 1, batchId: 'openai_9' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(views.jobs({ limit: 1, runId: 'run-x' })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('results', () => {
  test('in the order in which they came, after a cursor, of a run or a batch', async () => {
    const { store, views } = createViewsFixture();
    const { jobs, runId } = await runQueue(store, 3, { data: '{"creative_id":"c"}', ending: { failed: 1 } });
    await runQueue(store, 2, { provider: 'gemini' });
    const all = await views.results({ after: 0, limit: 10 });
    for (const row of all) fits(resultRow, row);
    expect(all).toHaveLength(5);
    expect(all[0]).toMatchObject({
      job_id: scoring(jobs[0]),
      run_id: runId,
      batch_id: 'openai_1',
      status: 'failed',
      data: { creative_id: 'c' },
      output: null,
      response: null,
      error: { code: 'refused', message: 'it was refused' },
      usage: null,
      cost_usd: null,
    });
    expect(all[1]).toMatchObject({
      status: 'succeeded',
      output: 'answer 1',
      error: null,
      usage: { input_tokens: 100, output_tokens: 10 },
      cost_usd: 0.005,
    });
    expect(await views.results({ after: all[1]?.cursor ?? 0, limit: 2 })).toEqual(all.slice(2, 4));
    expect((await views.results({ after: 0, limit: 9, runId })).map(({ cursor }) => cursor)).toEqual([1, 2, 3]);
    const ofBatch = await views.results({ after: 0, limit: 9, batchId: 'gemini_2' });
    expect(ofBatch.map(({ provider }) => provider)).toEqual(['gemini', 'gemini']);
    expect(await views.results({ after: ofBatch[1]?.cursor ?? 0, limit: 9, batchId: 'gemini_2' })).toEqual([]);
  });
});
