import { expect, test } from 'vitest';
import type { FeedRow } from '../../views.ts';
import { queuedJob, queuedJobs, type ServedContext, sendQueue } from '../service-store/context.ts';
import {
  adding,
  endBatch,
  failed,
  fill,
  first,
  newJob,
  newJobs,
  sendBatch,
  start,
  succeeded,
} from '../store/context.ts';

export function testFeed(context: ServedContext): void {
  const read = async (filter: { runId?: string; batchId?: number } = {}, limit = 3): Promise<FeedRow[]> => {
    const rows: FeedRow[] = [];
    for (let after = 0; ; ) {
      const page = await context.views.readFeed({ ...filter, after, limit });
      expect(page.length).toBeLessThanOrEqual(limit);
      rows.push(...page);
      const last = page.at(-1);
      if (!last) return rows;
      expect(last.id).toBeGreaterThan(after);
      after = last.id;
    }
  };
  const jobsOf = (rows: readonly FeedRow[]) => rows.map(({ job }) => job);

  test('results in the order in which they came, with what their callers gave', async () => {
    const { store } = context;
    const { runId, lane, jobs } = await sendQueue(store, queuedJobs(2, { lane: { model: 'model-2' } }));
    const { batch, lease, attempts } = await sendBatch(store, lane);
    const [a, b] = attempts;
    if (!a || !b) throw new Error('expected two attempts');
    const usage = { inputTokens: 7, outputTokens: 3 };
    await store.book([failed(b, { usage })], lease);
    await store.book([succeeded(a, { usage, costNanoUsd: 50, finishReason: 'stop', response: '{}' })], lease);
    await endBatch(store, lease);
    const rows = await read();
    const shared = {
      runId,
      queue: 'scoring',
      provider: 'fake',
      model: 'model-2',
      batchId: batch.id,
      inputTokens: 7,
      outputTokens: 3,
    };
    expect(rows).toEqual([
      {
        ...shared,
        id: 1,
        job: jobs[1],
        key: `scoring_${jobs[1]?.toString(36)}`,
        state: 'failed',
        data: '{"name":"job-2"}',
        errorCode: 'server_error',
        errorMessage: 'the provider has failed',
      },
      {
        ...shared,
        id: 2,
        job: jobs[0],
        key: `scoring_${jobs[0]?.toString(36)}`,
        state: 'succeeded',
        data: '{"name":"job-1"}',
        output: `answer to ${jobs[0]}`,
        response: '{}',
        finishReason: 'stop',
        costNanoUsd: 50,
      },
    ]);
    expect(await context.views.getResult(jobs[0] ?? 0)).toEqual(rows[1]);
    expect(await context.views.getResult(999)).toBeUndefined();
  });

  test('a result that changes comes again, under a new id', async () => {
    const { service, store } = context;
    const { lane, jobs } = await sendQueue(store, queuedJobs(2));
    const { lease, attempts } = await sendBatch(store, lane);
    const ref = first(attempts);
    await store.book(
      attempts.map((each) => failed(each)),
      lease,
    );
    const before = await read();
    // The answer comes after all.
    await store.book([succeeded(ref)], lease);
    await endBatch(store, lease);
    const after = await context.views.readFeed({ after: before.at(-1)?.id ?? 0, limit: 9 });
    expect(after).toMatchObject([{ job: ref.job, state: 'succeeded' }]);
    // Its first end is nobody's any more.
    expect(await read()).toHaveLength(2);
    // The newest result of all goes, and another comes: no id is given twice.
    await service.requeueJob(jobs[1] ?? 0);
    await service.cancelJob(jobs[1] ?? 0);
    const last = after.at(-1)?.id ?? 0;
    expect(await context.views.readFeed({ after: last, limit: 9 })).toMatchObject([
      { job: jobs[1], state: 'cancelled' },
    ]);
  });

  test('of one run among others, page by page', async () => {
    const { store } = context;
    const [a, b] = [await fill(store, newJobs(10)), await fill(store, newJobs(10, undefined, 'other'))];
    const sent = [await sendBatch(store, a.lane), await sendBatch(store, b.lane)];
    const order: number[] = [];
    for (let i = 0; i < 10; i++) {
      for (const { lease, attempts } of sent) {
        const ref = attempts[(i * 7) % 10] ?? first(attempts);
        await store.book([succeeded(ref)], lease);
        order.push(ref.job);
      }
    }
    expect(jobsOf(await read())).toEqual(order);
    expect(jobsOf(await read({ runId: a.run.id }))).toEqual(order.filter((_, i) => i % 2 === 0));
    expect(jobsOf(await read({ runId: b.run.id }, 100))).toEqual(order.filter((_, i) => i % 2 === 1));
    await expect(read({ runId: 'no-such-run' })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('of one batch: in the order of its jobs, what ended in it', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(6));
    const one = await sendBatch(store, lane, { requests: 4 });
    const order = [3, 0, 2, 1].map((i) => one.attempts[i] ?? first(one.attempts));
    await store.book(
      order.map((ref, i) => (i === 0 ? failed(ref, { next: 'retry' }) : succeeded(ref))),
      one.lease,
    );
    await endBatch(store, one.lease);
    const two = await sendBatch(store, lane);
    await store.book(
      two.attempts.map((ref) => succeeded(ref)),
      two.lease,
    );
    await endBatch(store, two.lease);
    // The one that was tried again has ended in the other batch.
    expect(jobsOf(await read({ batchId: one.batch.id }))).toEqual(one.attempts.slice(0, 3).map(({ job }) => job));
    expect(jobsOf(await read({ batchId: two.batch.id }))).toEqual(two.attempts.map(({ job }) => job));
    expect(await read({ batchId: two.batch.id, runId: run.id })).toHaveLength(3);
    const other = await fill(store, newJobs(1));
    expect(await read({ batchId: two.batch.id, runId: other.run.id })).toEqual([]);
  });

  test('skipped and cancelled jobs are results too', async () => {
    const { service, store } = context;
    const { run } = await fill(store, [newJob('a')]);
    await store.addJobs(run.id, [{ key: 'b', position: 2, skip: { code: 'empty', message: 'no text' } }], adding);
    await store.cancelQueuedJobs(run.id);
    const [job] = (await service.enqueue([queuedJob('c')], start)).flatMap((each) =>
      each.type === 'conflict' ? [] : each.job,
    );
    await service.cancelJob(job ?? 0);
    expect(await read()).toMatchObject([
      { key: 'b', state: 'skipped', errorCode: 'empty' },
      { key: 'a', state: 'cancelled', errorCode: 'cancelled' },
      { job, queue: 'scoring', state: 'cancelled' },
    ]);
  });

  test('long answers make short pages: what is read at once does not pile up', async () => {
    const { store, views } = context;
    const { lane } = await fill(store, newJobs(5));
    const { lease, attempts } = await sendBatch(store, lane);
    const output = 'x'.repeat(5_000_000);
    await store.book(
      attempts.map((ref) => succeeded(ref, { output })),
      lease,
    );
    await endBatch(store, lease);
    expect(await views.readFeed({ after: 0, limit: 5 })).toHaveLength(2);
    expect(jobsOf(await read({}, 5))).toEqual(attempts.map(({ job }) => job));
  });
}
