import { expect, test } from 'vitest';
import { endBatch, everything, failed, leaseFor, runOf, sendBatch, start } from '../store/context.ts';
import { enqueueAll, queuedJob, queuedJobs, type ServedContext } from './context.ts';

export function testRelease(context: ServedContext): void {
  test('the highest priority goes first, then who came first, over all models of the run', async () => {
    const { service, store, views } = context;
    const wanted: { job: number; priority: number }[] = [];
    const priorities = [5, 1, 10, 5, 7, 10, 1, 5, 3, 7, 5, 10];
    for (const [i, priority] of priorities.entries()) {
      const lane = { model: `model-${1 + (i % 3)}` };
      const [job = 0] = await enqueueAll(service, [queuedJob(`job-${i}`, { priority, lane })]);
      wanted.push({ job, priority });
    }
    wanted.sort((a, b) => b.priority - a.priority || a.job - b.job);
    const runId = (await store.listRuns())[0]?.id ?? '';
    const heldNow = async () =>
      (await views.listJobs({ runId, limit: 50 })).jobs.filter(({ held }) => held).map(({ id }) => id);
    let released = 0;
    for (const count of [1, 3, 0, 2, 4, 5]) {
      released += await service.release(runId, count);
      const left = wanted.slice(released).map(({ job }) => job);
      expect(new Set(await heldNow())).toEqual(new Set(left));
    }
    expect(released).toBe(priorities.length);
    expect(await service.release(runId, 5)).toBe(0);
    expect(await runOf(store, runId)).toMatchObject({ state: 'running', counts: { queued: priorities.length } });
  });

  test.each(['let go', 'cancelled'])(
    'with the last held job %s its run is sealed, and the next job begins another',
    async (way) => {
      const { service, store } = context;
      const [first = 0, second = 0] = await enqueueAll(service, queuedJobs(2));
      const runId = (await store.listRuns())[0]?.id ?? '';
      const take = async (job: number) => (way === 'cancelled' ? service.cancelJob(job) : service.release(runId, 1));
      await take(first);
      expect(await runOf(store, runId)).toMatchObject({ state: 'open' });
      await take(second);
      expect(await runOf(store, runId)).toMatchObject({ state: 'running' });
      await enqueueAll(service, [queuedJob('next')]);
      expect(await store.listRuns()).toHaveLength(2);
      expect(await service.listQueues()).toMatchObject([{ held: 1 }]);
    },
  );

  test('what was let go is packed while the rest is held, by priority, then arrival', async () => {
    const { service, store } = context;
    const jobs = await enqueueAll(service, [
      queuedJob('a'),
      queuedJob('b', { priority: 9 }),
      queuedJob('c', { priority: 9 }),
      queuedJob('d', { priority: 2 }),
    ]);
    const runId = (await store.listRuns())[0]?.id ?? '';
    expect(await service.release(runId, 3)).toBe(3);
    const [lane] = await store.findLanes(everything, start);
    const claimed = await store.claimJobs(lane?.id ?? 0, 10, leaseFor());
    expect(claimed.map(({ job }) => job)).toEqual([jobs[1], jobs[2], jobs[0]]);
    expect(await store.findLanes(everything, start)).toEqual([]);
    expect(await service.listQueues()).toMatchObject([{ held: 1, priorities: [{ priority: 2, jobs: 1 }] }]);
    await service.sealQueues([runId], start);
    expect(await store.findLanes(everything, start)).toHaveLength(1);
    await store.releaseOwner(leaseFor().owner, start);
  });

  test('keeps whom to tell of the end of the run, each once, if there was a job to let go', async () => {
    const { service, store } = context;
    await enqueueAll(service, [queuedJob('a'), queuedJob('b')]);
    const runId = (await store.listRuns())[0]?.id ?? '';
    expect(await service.listRunCallbacks(runId)).toEqual([]);
    await service.release(runId, 1, 'https://example.com/first');
    await service.release(runId, 1, 'https://example.com/first');
    await service.release(runId, 1, 'https://example.com/too-late');
    expect(await service.listRunCallbacks(runId)).toEqual(['https://example.com/first']);
    expect(await service.listRunCallbacks('no-such-run')).toEqual([]);
  });

  test('a chunk at most; the caller goes on', async () => {
    const { service, store } = context;
    for (let i = 0; i < 3; i++) await enqueueAll(service, queuedJobs(400));
    const runId = (await store.listRuns())[0]?.id ?? '';
    expect(await service.release(runId, 700)).toBe(500);
    expect(await service.release(runId, 200)).toBe(200);
    expect(await service.listQueues()).toMatchObject([{ held: 500 }]);
  });

  test('a job that was let go and fails is tried again at once, though its run is open', async () => {
    const { service, store } = context;
    await enqueueAll(service, [queuedJob('a', { priority: 9 }), queuedJob('b')]);
    const runId = (await store.listRuns())[0]?.id ?? '';
    await service.release(runId, 1);
    const [lane] = await store.findLanes(everything, start);
    const { lease, attempts } = await sendBatch(store, lane?.id ?? 0);
    await store.book(
      attempts.map((ref) => failed(ref, { next: 'retry', availableAt: start + 60 })),
      lease,
    );
    await endBatch(store, lease);
    expect(await store.findLanes(everything, start)).toMatchObject([{ id: lane?.id, readyAt: start + 60 }]);
    expect(await service.listQueues()).toMatchObject([{ held: 1 }]);
  });

  test('two that let go at once let each job go once', async () => {
    const { service, store } = context;
    await enqueueAll(service, queuedJobs(100));
    const runId = (await store.listRuns())[0]?.id ?? '';
    const other = await context.second();
    const released = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? other : store).service.release(runId, 7)),
    );
    expect(released).toEqual(Array.from({ length: 10 }, () => 7));
    expect(await service.listQueues()).toMatchObject([{ held: 30 }]);
  });

  test('an unknown run is not found', async () => {
    await expect(context.service.release('no-such-run', 1)).rejects.toMatchObject({ code: 'not_found' });
  });
}
