import { expect, test } from 'vitest';
import { jobStates, noCounts } from '../../job.ts';
import { queuedJobs, type ServedContext, sendQueue } from '../service-store/context.ts';
import { endBatch, failed, fill, newJobs, runOf, sendBatch, start, succeeded } from '../store/context.ts';

const day = 86_400_000;
const real = { simulated: false };
const sandbox = { simulated: true };
const usage = { inputTokens: 10, outputTokens: 5, cachedTokens: 1 };
const money = { usage, costNanoUsd: 100, realtimeNanoUsd: 200 };
const nothing = {
  ...noCounts,
  batchesSubmitted: 0,
  batchesCompleted: 0,
  batchesFailed: 0,
  batchesOpen: 0,
  costNanoUsd: 0,
  realtimeNanoUsd: 0,
};

export function testTotals(context: ServedContext): void {
  test('of an empty store', async () => {
    expect(await context.views.totals(real)).toEqual({ held: 0, ...nothing });
    expect(await context.views.totalsByQueue(real)).toEqual([]);
  });

  test('at every step of a life, runs that have ended and those that have not', async () => {
    const { service, store, views } = context;
    await service.enqueue(queuedJobs(2, { queue: 'embedding' }), start);
    expect(await views.totals(real)).toMatchObject({ held: 2, queued: 2 });
    const { runId, lane } = await sendQueue(store, queuedJobs(4));
    expect(await views.totals(real)).toMatchObject({ held: 2, queued: 6 });
    const { lease, attempts } = await sendBatch(store, lane);
    await store.updateBatch(lease, { submittedAt: start }, start);
    expect(await views.totals(real)).toMatchObject({
      queued: 2,
      running: 4,
      batchesOpen: 1,
      batchesSubmitted: 1,
      batchesCompleted: 0,
    });
    await store.book(
      attempts.map((ref, i) => (i === 0 ? failed(ref) : succeeded(ref, money))),
      lease,
    );
    await endBatch(store, lease);
    const ended = {
      ...nothing,
      provider: 'fake',
      queue: 'scoring',
      succeeded: 3,
      failed: 1,
      costNanoUsd: 300,
      realtimeNanoUsd: 600,
      batchesSubmitted: 1,
      batchesCompleted: 1,
    };
    const embedding = { ...nothing, provider: 'fake', queue: 'embedding', queued: 2 };
    expect(await views.totalsByQueue(real)).toEqual(expect.arrayContaining([ended, embedding]));
    await store.updateRun(runId, { state: 'ended' }, start);
    expect(await views.totalsByQueue(real)).toEqual(expect.arrayContaining([ended, embedding]));
    // A person asks for more: the run goes on.
    await store.requeueJobs(runId, ['failed']);
    expect(await views.totals(real)).toMatchObject({ queued: 3, failed: 0, succeeded: 3, costNanoUsd: 300 });
    const again = await sendBatch(store, lane);
    expect(await views.totals(real)).toMatchObject({ running: 1, batchesOpen: 1, batchesCompleted: 1 });
    await store.book(
      again.attempts.map((ref) => failed(ref)),
      again.lease,
    );
    await endBatch(store, again.lease);
    await store.updateRun(runId, { state: 'ended' }, start);
    // The provider has an answer after all: it is booked on the run that has ended.
    expect(await views.totals(real)).toMatchObject({ queued: 2, succeeded: 3, failed: 1, batchesCompleted: 2 });
    await store.book(
      again.attempts.map((ref) => succeeded(ref, money)),
      again.lease,
    );
    expect(await views.totals(real)).toEqual({
      ...nothing,
      held: 2,
      queued: 2,
      succeeded: 4,
      batchesSubmitted: 1,
      batchesCompleted: 2,
      costNanoUsd: 400,
      realtimeNanoUsd: 800,
    });
  });

  test('runs of no queue are without one; refused batches are counted, and those of others', async () => {
    const { store, views } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    await store.book(
      attempts.map((ref) => failed(ref)),
      lease,
    );
    await store.updateBatch(lease, { state: 'failed', submittedAt: start }, start);
    const remote = { provider: 'fake', account: 'a', model: 'm', remoteId: 'theirs', endpoint: '/x', now: start };
    const row = { outcome: 'succeeded', at: start, output: 'yes', ...money } as const;
    await store.importResults(run.id, remote, [{ key: 'theirs', position: 1, row }]);
    expect(await views.totalsByQueue(real)).toEqual([
      {
        ...nothing,
        provider: 'fake',
        succeeded: 1,
        failed: 1,
        batchesSubmitted: 1,
        batchesFailed: 1,
        batchesCompleted: 1,
        costNanoUsd: 100,
        realtimeNanoUsd: 200,
      },
    ]);
    // Its rows are its own, too: how they ended, and what they cost.
    const [theirs] = await views.listBatches({ runId: run.id, states: ['collected'], limit: 9 });
    const theirMoney = { costNanoUsd: 100, realtimeNanoUsd: 200 };
    expect(theirs).toMatchObject({ requests: 1, succeeded: 1, failed: 0, ...theirMoney, endedAt: start });
    const [totals] = await views.totalsByQueue(real);
    expect(totals).not.toHaveProperty('queue');
    const { counts } = await runOf(store, run.id);
    for (const state of jobStates) expect(totals?.[state]).toBe(counts[state]);
  });

  test('what the sandbox answers is added to nothing that was paid for, under way or ended', async () => {
    const { service, store, views } = context;
    const answer = async (simulated: boolean, price: number) => {
      const { runId, lane } = await sendQueue(store, queuedJobs(2, { simulated }, `answered-${simulated}`));
      const { lease, attempts } = await sendBatch(store, lane);
      await store.updateBatch(lease, { submittedAt: start }, start);
      await store.book(
        attempts.map((ref) => succeeded(ref, { usage, costNanoUsd: price, realtimeNanoUsd: 2 * price })),
        lease,
      );
      await endBatch(store, lease);
      await store.updateRun(runId, { state: 'ended' }, start);
    };
    const send = async (simulated: boolean, jobs: number) => {
      const { lane } = await sendQueue(store, queuedJobs(jobs, { simulated }, `sent-${simulated}`));
      await sendBatch(store, lane);
    };
    await answer(true, 7_000);
    await send(true, 3);
    await service.enqueue(queuedJobs(5, { simulated: true }, 'held'), start);
    expect(await views.totals(real)).toEqual({ held: 0, ...nothing });
    expect(await views.totalsByQueue(real)).toEqual([]);
    await answer(false, 10);
    await send(false, 1);
    await service.enqueue(queuedJobs(1, {}, 'held-real'), start);
    const open = { batchesCompleted: 1, batchesOpen: 1, batchesSubmitted: 1, succeeded: 2 };
    const paid = { ...nothing, ...open, queued: 1, running: 1, costNanoUsd: 20, realtimeNanoUsd: 40 };
    const made = { ...nothing, ...open, queued: 5, running: 3, costNanoUsd: 14_000, realtimeNanoUsd: 28_000 };
    expect(await views.totals(real)).toEqual({ held: 1, ...paid });
    expect(await views.totals(sandbox)).toEqual({ held: 5, ...made });
    expect(await views.totalsByQueue(real)).toEqual([{ ...paid, queue: 'scoring', provider: 'fake' }]);
    expect(await views.totalsByQueue(sandbox)).toEqual([{ ...made, queue: 'scoring', provider: 'fake' }]);
    const batches = await views.listBatches({ limit: 9 });
    expect(batches.map(({ simulated }) => simulated)).toEqual([false, false, true, true]);
  });
}

export function testSpending(context: ServedContext): void {
  test('by day, queue, provider and model, the lanes of a day added up', async () => {
    const { service, store, views } = context;
    const spend = async (queue: string, model: string, at: number) => {
      const { runId, lane } = await sendQueue(
        store,
        queuedJobs(2, { queue, lane: { model } }, `${queue}-${model}-${at}`),
      );
      const { lease, attempts } = await sendBatch(store, lane);
      await store.book(
        attempts.map((ref, i) => succeeded(ref, { at, usage, ...(i === 0 ? money : {}) })),
        lease,
      );
      await endBatch(store, lease);
      await store.updateRun(runId, { state: 'ended' }, start);
    };
    await spend('scoring', 'model-1', start);
    await spend('scoring', 'model-1', start + 60_000);
    await spend('scoring', 'model-2', start);
    await spend('embedding', 'model-1', start + day);
    const row = {
      provider: 'fake',
      realtime: false,
      attempts: 2,
      inputTokens: 20,
      outputTokens: 10,
      cachedTokens: 2,
      costNanoUsd: 100,
      realtimeNanoUsd: 200,
      unpriced: 1,
    };
    const embedding = { ...row, day: '2026-11-21', queue: 'embedding', model: 'model-1' };
    expect(await views.listSpending({ ...real, since: '2026-11-01' })).toEqual([
      {
        ...row,
        day: '2026-11-20',
        queue: 'scoring',
        model: 'model-1',
        attempts: 4,
        inputTokens: 40,
        outputTokens: 20,
        cachedTokens: 4,
        costNanoUsd: 200,
        realtimeNanoUsd: 400,
        unpriced: 2,
      },
      { ...row, day: '2026-11-20', queue: 'scoring', model: 'model-2' },
      embedding,
    ]);
    expect(await views.listSpending({ ...real, since: '2026-11-21' })).toEqual([embedding]);
    expect(await views.listSpending({ ...real, since: '2026-11-22' })).toEqual([]);
    expect(await service.listQueues()).toEqual([]);
  });

  test('of real runs and of those of the sandbox apart, also by run', async () => {
    const { store, views } = context;
    const spend = async (simulated: boolean, costNanoUsd: number) => {
      const { runId, lane } = await sendQueue(store, queuedJobs(1, { simulated }, `job-${simulated}`));
      const { lease, attempts } = await sendBatch(store, lane);
      await store.book(
        attempts.map((ref) => succeeded(ref, { at: start, usage, costNanoUsd, realtimeNanoUsd: 2 * costNanoUsd })),
        lease,
      );
      await endBatch(store, lease);
      return runId;
    };
    const paid = await spend(false, 10);
    const made = await spend(true, 7_000);
    const costOf = (rows: readonly { costNanoUsd: number }[]) => rows.map(({ costNanoUsd }) => costNanoUsd);
    expect(costOf(await views.listSpending({ ...real, since: '2026-11-20' }))).toEqual([10]);
    expect(costOf(await views.listSpending({ ...sandbox, since: '2026-11-20' }))).toEqual([7_000]);
    expect(await store.listCosts(real)).toMatchObject([{ runId: paid, costNanoUsd: 10 }]);
    expect(await store.listCosts(sandbox)).toMatchObject([{ runId: made, costNanoUsd: 7_000 }]);
    expect(costOf(await store.listCosts())).toEqual([10, 7_000]);
  });
}
