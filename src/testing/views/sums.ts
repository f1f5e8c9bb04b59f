import { expect, test } from 'vitest';
import { jobStates, noCounts } from '../../job.ts';
import { queuedJobs, type ServedContext, sendQueue } from '../service-store/context.ts';
import { endBatch, failed, fill, newJobs, runOf, sendBatch, start, succeeded } from '../store/context.ts';

const day = 86_400_000;
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
    expect(await context.views.totals()).toEqual({ held: 0, ...nothing });
    expect(await context.views.totalsByQueue()).toEqual([]);
  });

  test('at every step of a life, runs that have ended and those that have not', async () => {
    const { service, store, views } = context;
    await service.enqueue(queuedJobs(2, { queue: 'embedding' }), start);
    expect(await views.totals()).toMatchObject({ held: 2, queued: 2 });
    const { runId, lane } = await sendQueue(store, queuedJobs(4));
    expect(await views.totals()).toMatchObject({ held: 2, queued: 6 });
    const { lease, attempts } = await sendBatch(store, lane);
    await store.updateBatch(lease, { submittedAt: start }, start);
    expect(await views.totals()).toMatchObject({
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
    expect(await views.totalsByQueue()).toEqual(expect.arrayContaining([ended, embedding]));
    await store.updateRun(runId, { state: 'ended' }, start);
    expect(await views.totalsByQueue()).toEqual(expect.arrayContaining([ended, embedding]));
    // A person asks for more: the run goes on.
    await store.requeueJobs(runId, ['failed']);
    expect(await views.totals()).toMatchObject({ queued: 3, failed: 0, succeeded: 3, costNanoUsd: 300 });
    const again = await sendBatch(store, lane);
    expect(await views.totals()).toMatchObject({ running: 1, batchesOpen: 1, batchesCompleted: 1 });
    await store.book(
      again.attempts.map((ref) => failed(ref)),
      again.lease,
    );
    await endBatch(store, again.lease);
    await store.updateRun(runId, { state: 'ended' }, start);
    // The provider has an answer after all: it is booked on the run that has ended.
    expect(await views.totals()).toMatchObject({ queued: 2, succeeded: 3, failed: 1, batchesCompleted: 2 });
    await store.book(
      again.attempts.map((ref) => succeeded(ref, money)),
      again.lease,
    );
    expect(await views.totals()).toEqual({
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
    expect(await views.totalsByQueue()).toEqual([
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
    const [totals] = await views.totalsByQueue();
    expect(totals).not.toHaveProperty('queue');
    const { counts } = await runOf(store, run.id);
    for (const state of jobStates) expect(totals?.[state]).toBe(counts[state]);
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
    expect(await views.listSpending('2026-11-01')).toEqual([
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
    expect(await views.listSpending('2026-11-21')).toEqual([embedding]);
    expect(await views.listSpending('2026-11-22')).toEqual([]);
    expect(await service.listQueues()).toEqual([]);
  });
}
