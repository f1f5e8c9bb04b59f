import { expect, test } from 'vitest';
import { type JobState, jobStates } from '../../job.ts';
import type { JobFilter, JobSummary, Views } from '../../views.ts';
import {
  enqueueAll,
  queuedJob,
  queuedJobs,
  type ServedContext,
  type ServedStore,
  sendQueue,
} from '../service-store/context.ts';
import {
  adding,
  endBatch,
  everything,
  failed,
  leaseFor,
  moveThrough,
  newJobs,
  newRun,
  packBatch,
  realtimeLane,
  room,
  sendBatch,
  start,
  succeeded,
} from '../store/context.ts';

/** All pages of a listing; every page is as long as it was asked for, or says whether there is more. */
export async function pagesOf(views: Views, filter: Omit<JobFilter, 'before'>): Promise<JobSummary[]> {
  const all: JobSummary[] = [];
  let before: number | undefined;
  for (let page = 0; page < 1_000; page++) {
    const { jobs, next } = await views.listJobs({ ...filter, ...(before === undefined ? {} : { before }) });
    expect(jobs.length).toBeLessThanOrEqual(filter.limit);
    all.push(...jobs);
    if (next === undefined) return all;
    before = next;
  }
  throw new Error('the listing has no end');
}

/**
 * A run with jobs in every state, held by every kind of work: queued, packed, running in a batch and in a call,
 * succeeded, failed, cancelled, skipped, following another's.
 */
export async function mixedRun(store: ServedStore) {
  const { run } = await store.createRun(newRun(), start);
  await store.addJobs(run.id, newJobs(40), adding);
  await store.addJobs(run.id, newJobs(6, realtimeLane, 'call'), adding);
  await store.addJobs(run.id, [{ key: 'empty', position: 99, skip: { code: 'empty', message: 'no text' } }], adding);
  const [batchLane, callLane] = (await store.findLanes({ ...everything, runId: run.id }, start)).map(({ id }) => id);
  const ended = await sendBatch(store, batchLane ?? 0, { requests: 12 });
  await store.book(
    ended.attempts.map((ref, i) =>
      i % 4 === 3
        ? failed(ref)
        : i % 4 === 2
          ? failed(ref, { next: 'retry', availableAt: start + 1e6 })
          : succeeded(ref),
    ),
    ended.lease,
  );
  await endBatch(store, ended.lease);
  const running = await sendBatch(store, batchLane ?? 0, { requests: 5 });
  const packed = await packBatch(store, batchLane ?? 0, { requests: 4 });
  const calls = await store.claimJobs(callLane ?? 0, 2, leaseFor());
  for (const job of (await store.readResults(run.id, { limit: 99 })).slice(30, 33))
    await store.service.cancelJob(job.job);
  return { runId: run.id, ended, running, packed, calls };
}

export function testJobLists(context: ServedContext): void {
  const idsIn = async (runId: string) =>
    (await context.store.readResults(runId, { limit: 10_000 })).map(({ job }) => job);

  test('every state and every mixture of states, page by page: all of them, none twice, newest first', async () => {
    const { store, views } = context;
    const { runId } = await mixedRun(store);
    const states = new Map<number, JobState>();
    for (const job of await idsIn(runId)) states.set(job, (await views.getJob(job))?.state ?? 'skipped');
    expect(new Set(states.values())).toEqual(new Set(jobStates));
    const mixtures = Array.from({ length: 2 ** jobStates.length - 1 }, (_, bits) =>
      jobStates.filter((_state, i) => ((bits + 1) >> i) & 1),
    );
    for (const wanted of mixtures) {
      const expected = [...states].filter(([, state]) => wanted.includes(state)).map(([job]) => job);
      for (const limit of [3, 500]) {
        const found = await pagesOf(views, { runId, states: wanted, limit });
        expect(
          found.map(({ id }) => id),
          `${wanted} by ${limit}`,
        ).toEqual(expected.toSorted((a, b) => b - a));
      }
    }
    expect(await pagesOf(views, { runId, states: [], limit: 9 })).toEqual([]);
  });

  test('a full page that is the last one says so', async () => {
    const { service, store, views } = context;
    await enqueueAll(service, queuedJobs(4));
    const runId = (await store.listRuns())[0]?.id ?? '';
    for (const states of [undefined, ['queued'] as const]) {
      expect(await views.listJobs({ runId, limit: 4, ...(states ? { states } : {}) })).not.toHaveProperty('next');
      expect(await views.listJobs({ runId, limit: 3, ...(states ? { states } : {}) })).toHaveProperty('next');
    }
  });

  test('over all runs, the newest run first', async () => {
    const { store, views } = context;
    const first = await mixedRun(store);
    const second = await mixedRun(store);
    const ids = [...(await idsIn(first.runId)), ...(await idsIn(second.runId))];
    for (const limit of [4, 47, 60, 500]) {
      expect((await pagesOf(views, { limit })).map(({ id }) => id)).toEqual(ids.toSorted((a, b) => b - a));
    }
    for (const states of [['failed'], ['packed', 'queued'], ['succeeded', 'skipped']] as const) {
      const each = [
        ...(await pagesOf(views, { limit: 500, states, runId: second.runId })),
        ...(await pagesOf(views, { limit: 500, states, runId: first.runId })),
      ];
      for (const limit of [1, 3, 500]) expect(await pagesOf(views, { limit, states })).toEqual(each);
    }
  });

  test('those of a batch are those that it has tried, whatever became of them', async () => {
    const { store, views } = context;
    const { runId, ended, packed } = await mixedRun(store);
    const tried = ended.attempts.map(({ job }) => job).toSorted((a, b) => b - a);
    const batchId = ended.batch.id;
    expect((await pagesOf(views, { batchId, limit: 5 })).map(({ id }) => id)).toEqual(tried);
    const over = await pagesOf(views, { batchId, limit: 2, states: ['failed'] });
    expect(over).toHaveLength(3);
    expect(over.every(({ state, errorCode }) => state === 'failed' && errorCode === 'server_error')).toBe(true);
    expect(await pagesOf(views, { batchId: packed.batch.id, runId, limit: 9, states: ['packed'] })).toHaveLength(4);
    const other = await store.createRun(newRun(), start);
    expect(await pagesOf(views, { batchId, runId: other.run.id, limit: 9 })).toEqual([]);
    expect(await pagesOf(views, { batchId: 999, limit: 9 })).toEqual([]);
  });

  test('by the beginning of their keys, in the order of the keys', async () => {
    const { store, views } = context;
    const { run } = await store.createRun(newRun(), start);
    const keys = ['b', 'a', 'ab', 'a%', 'A', 'a\u0000', 'a\u{10ffff}z', 'a_b', 'ä', 'aa'];
    await store.addJobs(
      run.id,
      keys.map((key) => ({ ...newJobs(1)[0], key, position: 1 })),
      adding,
    );
    const found = async (keyPrefix: string, limit: number) =>
      (await pagesOf(views, { runId: run.id, keyPrefix, limit })).map(({ key }) => key);
    for (const limit of [1, 2, 3, 99]) {
      expect(await found('a', limit)).toEqual(['a', 'a\u0000', 'a%', 'a_b', 'aa', 'ab', 'a\u{10ffff}z']);
      expect(await found('a%', limit)).toEqual(['a%']);
      expect(await found('', limit)).toHaveLength(keys.length);
      expect(await found('zz', limit)).toEqual([]);
    }
    const [cancelled] = await idsIn(run.id);
    await context.service.cancelJob(cancelled ?? 0);
    expect(await pagesOf(views, { runId: run.id, keyPrefix: '', states: ['cancelled'], limit: 3 })).toMatchObject([
      { key: 'b' },
    ]);
    await expect(views.listJobs({ keyPrefix: 'a', limit: 3 })).rejects.toMatchObject({ code: 'usage' });
  });

  test('few among many are looked for in bounded steps: short pages, and in the end all of them', async () => {
    const { store, views } = context;
    const { run } = await store.createRun(newRun(), start);
    for (let i = 0; i < 42; i++) await store.addJobs(run.id, newJobs(500, undefined, `chunk-${i}`), adding);
    const [lane] = await store.findLanes({ ...everything, runId: run.id }, start);
    const { batch, lease, attempts } = await packBatch(store, lane?.id ?? 0);
    for (let i = 0; i < 9; i++) await store.packJobs(lease, room());
    await moveThrough(store, lease, ['packed', 'submitting', 'in_progress']);
    for (let after: number | undefined = 0; after !== undefined; ) after = await store.startJobs(lease, after);
    const [ref, other] = attempts;
    if (!ref || !other) throw new Error('expected two attempts');
    await store.book([succeeded(ref), failed(other)], lease);
    const runId = run.id;
    const firstPage = await views.listJobs({ runId, states: ['succeeded'], limit: 3 });
    expect(firstPage.jobs).toEqual([]);
    expect(firstPage.next).toBeGreaterThan(ref.job);
    for (const filter of [{ runId }, { runId, keyPrefix: 'chunk-' }, { batchId: batch.id }, {}]) {
      const found = await pagesOf(views, { ...filter, states: ['succeeded'], limit: 3 });
      expect(found.map(({ id }) => id)).toEqual([ref.job]);
    }
    // What another index finds at once waits until the others have come so far.
    const over = await pagesOf(views, { runId, states: ['succeeded', 'failed'], limit: 3 });
    expect(over.map(({ id }) => id)).toEqual([other.job, ref.job]);
    expect(await pagesOf(views, { runId, states: ['running'], limit: 999 })).toHaveLength(4_998);
    expect(await pagesOf(views, { runId, states: ['running', 'succeeded'], limit: 999 })).toHaveLength(4_999);
  });

  test('an unknown run is not found', async () => {
    await expect(context.views.listJobs({ runId: 'no-such-run', limit: 3 })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
}

export function testJobDetails(context: ServedContext): void {
  test('what a caller gave, what goes on the wire, and that it waits', async () => {
    const { service, views } = context;
    const job = queuedJob('a', { priority: 8, callbackUrl: 'https://example.com/x', lane: { model: 'model-2' } });
    const [id = 0] = await enqueueAll(service, [job], start + 4);
    const runId = (await service.listQueues())[0]?.runId ?? '';
    const summary = {
      id,
      runId,
      key: `scoring_${id.toString(36)}`,
      queue: 'scoring',
      provider: 'fake',
      model: 'model-2',
      state: 'queued',
      held: true,
      priority: 8,
      attempts: 0,
      createdAt: start + 4,
    };
    const { body } = job.request;
    expect(await views.getJob(id)).toEqual({
      ...summary,
      endpoint: '/v1/answers',
      body,
      data: job.data,
      callbackUrl: 'https://example.com/x',
      history: [],
    });
    expect((await views.listJobs({ runId, limit: 2 })).jobs).toEqual([summary]);
    await service.sealQueues([runId], start);
    expect(await views.getJob(id)).toMatchObject({ held: false });
    expect(await views.getJob(id + 1)).toBeUndefined();
  });

  test('what became of it: every attempt, the answer, the money', async () => {
    const { store, views } = context;
    const { lane, jobs } = await sendQueue(store, [queuedJob('a'), queuedJob('b')]);
    const first = await sendBatch(store, lane);
    const usage = { inputTokens: 9, outputTokens: 4, cachedTokens: 2 };
    await store.book(
      first.attempts.map((ref) => failed(ref, { next: 'retry', usage, at: start + 10 })),
      first.lease,
    );
    await endBatch(store, first.lease);
    const second = await sendBatch(store, lane);
    const [a, b] = second.attempts;
    if (!a || !b) throw new Error('expected two attempts');
    const answer = { output: 'yes', response: '{"x":1}', finishReason: 'stop', usage, costNanoUsd: 70, at: start + 20 };
    await store.book([succeeded(a, answer), failed(b, { at: start + 30 })], second.lease);
    await endBatch(store, second.lease);
    const attempt = { startedAt: start, inputTokens: 9, outputTokens: 4, cachedTokens: 2 };
    expect(await views.getJob(jobs[0] ?? 0)).toMatchObject({
      state: 'succeeded',
      batchId: second.batch.id,
      attempts: 2,
      output: 'yes',
      response: '{"x":1}',
      finishReason: 'stop',
      endedAt: start + 20,
      history: [
        {
          ...attempt,
          number: 1,
          batchId: first.batch.id,
          outcome: 'failed',
          errorCode: 'server_error',
          endedAt: start + 10,
        },
        { ...attempt, number: 2, batchId: second.batch.id, outcome: 'succeeded', costNanoUsd: 70, endedAt: start + 20 },
      ],
    });
    expect((await views.getJob(jobs[0] ?? 0))?.history[0]).not.toHaveProperty('costNanoUsd');
    expect(await views.getJob(jobs[1] ?? 0)).toMatchObject({
      state: 'failed',
      errorCode: 'server_error',
      errorMessage: 'the provider has failed',
      endedAt: start + 30,
    });
  });

  test('an answer that was taken from another job names it', async () => {
    const { store, views } = context;
    const earlier = await sendQueue(store, [queuedJob('same')]);
    const { lease, attempts } = await sendBatch(store, earlier.lane);
    await store.book(
      attempts.map((ref) => succeeded(ref)),
      lease,
    );
    await endBatch(store, lease);
    const later = await sendQueue(store, [queuedJob('same')]);
    await packBatch(store, later.lane);
    expect(await views.getJob(later.jobs[0] ?? 0)).toMatchObject({
      state: 'succeeded',
      reusedFrom: earlier.jobs[0],
      output: `answer to ${earlier.jobs[0]}`,
      history: [],
    });
  });
}
