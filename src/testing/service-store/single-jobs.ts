import { expect, test } from 'vitest';
import {
  endBatch,
  everything,
  failed,
  leaseFor,
  leaseOf,
  mostPerInputToken,
  moveThrough,
  nonce,
  packBatch,
  runOf,
  sendBatch,
  start,
  succeeded,
} from '../store/context.ts';
import { enqueueAll, queuedJob, queuedJobs, type ServedContext, sendQueue } from './context.ts';

export function testSingleJobs(context: ServedContext): void {
  const typesOf = async (runId: string) =>
    (await context.views.listEvents({ after: 0, limit: 99, runId })).map(({ type }) => type);

  test('a job that waits is cancelled, once, and never sent', async () => {
    const { service, store, views } = context;
    const [a = 0, b = 0] = await enqueueAll(service, queuedJobs(2));
    expect(await service.cancelJob(a)).toBe('cancelled');
    expect(await service.cancelJob(a)).toBe('ended');
    const { runId, ...job } = (await views.getJob(a)) ?? { runId: '' };
    expect(job).toMatchObject({ state: 'cancelled', held: false, errorCode: 'cancelled', history: [] });
    expect(await service.listQueues()).toMatchObject([{ held: 1 }]);
    await service.sealQueues([runId], start);
    const [lane] = await store.findLanes(everything, start);
    expect((await packBatch(store, lane?.id ?? 0)).attempts).toEqual([{ job: b, attempt: 1 }]);
    expect(await typesOf(runId)).toContain('job_cancelled');
  });

  test('what is with a provider is not cancelled one by one, what has ended neither', async () => {
    const { service, store } = context;
    const { lane, jobs } = await sendQueue(store, queuedJobs(2));
    const [a = 0, b = 0] = jobs;
    const { lease, attempts } = await packBatch(store, lane);
    expect(await service.cancelJob(a)).toBe('under_way');
    await moveThrough(store, lease, ['packed', 'submitting', 'in_progress']);
    await store.startJobs(lease, 0);
    expect(await service.cancelJob(a)).toBe('under_way');
    await store.book(
      [...attempts.slice(0, 1).map((ref) => succeeded(ref)), ...attempts.slice(1).map((ref) => failed(ref))],
      lease,
    );
    await endBatch(store, lease);
    expect([await service.cancelJob(a), await service.cancelJob(b)]).toEqual(['ended', 'ended']);
    expect(await service.cancelJob(b + 1)).toBeUndefined();
  });

  test('one that does not fit into the budget is cancelled: the smaller ones behind it go', async () => {
    const { service, store } = context;
    const { runId, lane, jobs } = await sendQueue(store, [queuedJob('x'.repeat(100)), ...queuedJobs(2)]);
    await store.updateRun(runId, { budgetNanoUsd: 100 }, start);
    const room = { bound: mostPerInputToken };
    const none = await packBatch(store, lane, room);
    expect(none.packed).toMatchObject({ packed: 0, overBudget: true });
    await moveThrough(store, none.lease, ['abandoned']);
    expect(await service.cancelJob(jobs[0] ?? 0)).toBe('cancelled');
    expect(await runOf(store, runId)).toMatchObject({ isOverBudget: false });
    const more = await packBatch(store, lane, room);
    expect(more.attempts.map(({ job }) => job)).toEqual(jobs.slice(1));
    await store.book(
      more.attempts.map((ref) => succeeded(ref)),
      more.lease,
    );
    await moveThrough(store, more.lease, ['abandoned']);
  });

  test('one that was asked for again is sent at once, though its queue still fills', async () => {
    const { service, store, views } = context;
    const [a = 0] = await enqueueAll(service, queuedJobs(3));
    await service.cancelJob(a);
    expect(await service.requeueJob(a)).toBe(true);
    expect(await service.requeueJob(a)).toBe(false);
    expect(await views.getJob(a)).toMatchObject({ state: 'queued', held: false });
    expect(await service.listQueues()).toMatchObject([{ held: 2 }]);
    const [lane] = await store.findLanes(everything, start);
    expect((await packBatch(store, lane?.id ?? 0)).attempts).toEqual([{ job: a, attempt: 1 }]);
    expect(await service.requeueJob(a)).toBe(false);
    expect(await service.requeueJob(a + 99)).toBeUndefined();
  });

  test('none of a run that is being cancelled: it would be cancelled at once', async () => {
    const { service, store } = context;
    const [a = 0, b = 0] = await enqueueAll(service, queuedJobs(2));
    await service.cancelJob(a);
    const runId = (await store.listRuns())[0]?.id ?? '';
    await store.updateRun(runId, { state: 'cancelling' }, start);
    expect(await service.requeueJob(a)).toBe(false);
    expect(await store.requeueJobs(runId, ['cancelled'])).toBe(0);
    expect(await service.cancelJob(b)).toBe('cancelled');
  });

  test('many of a queue that still fills', async () => {
    const { service, store } = context;
    const jobs = await enqueueAll(service, queuedJobs(4));
    for (const job of jobs.slice(0, 3)) await service.cancelJob(job);
    const runId = (await store.listRuns())[0]?.id ?? '';
    expect(await store.requeueJobs(runId, ['cancelled'])).toBe(3);
    expect(await service.listQueues()).toMatchObject([{ held: 1 }]);
    expect(await store.findLanes(everything, start)).toHaveLength(1);
    expect((await runOf(store, runId)).counts).toMatchObject({ queued: 4, cancelled: 0 });
  });

  test('a run that has ended runs again, and the job has all its attempts', async () => {
    const { service, store, views } = context;
    const { runId, lane, jobs } = await sendQueue(store, queuedJobs(1, { maxAttempts: 2 }));
    const [job = 0] = jobs;
    const fail = async () => {
      const { lease, attempts } = await sendBatch(store, lane);
      await store.book(
        attempts.map((ref) => failed(ref, { next: 'retry' })),
        lease,
      );
      await endBatch(store, lease);
    };
    for (let attempt = 0; attempt < 2; attempt++) await fail();
    await store.updateRun(runId, { state: 'ended' }, start);
    expect(await service.requeueJob(job)).toBe(true);
    expect(await runOf(store, runId)).toMatchObject({ state: 'running', counts: { queued: 1, failed: 0 } });
    expect((await typesOf(runId)).slice(-2)).toEqual(['run_running', 'jobs_requeued']);
    expect(await views.getResult(job)).toBeUndefined();
    for (let attempt = 0; attempt < 2; attempt++) await fail();
    expect(await views.getJob(job)).toMatchObject({ state: 'failed', attempts: 4 });
    expect((await views.getJob(job))?.history.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });

  test('a job without a request is not asked for again', async () => {
    const { service, store } = context;
    const { runId } = await sendQueue(store, queuedJobs(1));
    const remote = {
      provider: 'fake',
      account: 'fake:account-1',
      model: 'model-1',
      remoteId: 'r',
      endpoint: '/x',
      now: start,
    };
    const row = { outcome: 'failed', at: start, errorCode: 'x', errorMessage: 'y' } as const;
    await store.importResults(runId, remote, [{ key: 'theirs', position: 1, row }]);
    const theirs = (await context.views.listJobs({ runId, limit: 5, states: ['failed'] })).jobs[0];
    expect(await service.requeueJob(theirs?.id ?? 0)).toBe(false);
    const { jobs } = await context.views.listJobs({ runId, limit: 5 });
    expect(jobs.map(({ state }) => state).sort()).toEqual(['failed', 'queued']);
  });
}

export function testCancelledBatches(context: ServedContext): void {
  test('it is due at once for whoever works on it, and is told once', async () => {
    const { service, store, views } = context;
    const { lane } = await sendQueue(store, [queuedJob('a')]);
    const { lease } = await sendBatch(store, lane);
    await store.updateBatch(lease, { nextAt: start + 300_000 }, start, 'release');
    expect(await store.claimBatch(everything, leaseFor())).toBeUndefined();
    expect(await service.cancelBatch(lease.batchId)).toBe(true);
    expect(await service.cancelBatch(lease.batchId)).toBe(true);
    const claimed = await store.claimBatch(everything, leaseFor());
    expect(claimed).toMatchObject({ id: lease.batchId, cancelWanted: true, cancelRequested: false });
    expect(await views.getBatch(lease.batchId)).toMatchObject({ cancelWanted: true });
    const events = await views.listEvents({ after: 0, limit: 99, batchId: lease.batchId });
    expect(events.filter(({ type }) => type === 'batch_cancel_wanted')).toHaveLength(1);
  });

  test('one that has ended, here or at the provider, is not', async () => {
    const { service, store, views } = context;
    const { lane } = await sendQueue(store, [queuedJob('a')]);
    const { lease, attempts } = await sendBatch(store, lane);
    await moveThrough(store, lease, ['ended']);
    expect(await service.cancelBatch(lease.batchId)).toBe(false);
    await store.book(
      attempts.map((ref) => succeeded(ref)),
      lease,
    );
    await moveThrough(store, lease, ['collecting', 'collected']);
    expect(await service.cancelBatch(lease.batchId)).toBe(false);
    expect(await views.getBatch(lease.batchId)).toMatchObject({ cancelWanted: false });
    expect(await service.cancelBatch(lease.batchId + 1)).toBeUndefined();
  });

  test('one that is being packed', async () => {
    const { service, store } = context;
    const { lane } = await sendQueue(store, [queuedJob('a')]);
    const batch = await store.openBatch(lane, nonce(), leaseFor());
    expect(await service.cancelBatch(batch.id)).toBe(true);
    // Its worker goes on under its lease, and sees it.
    expect(await store.updateBatch(leaseOf(batch), { state: 'packed' }, start)).toMatchObject({ cancelWanted: true });
  });
}
