import { expect, test } from 'vitest';
import { endBatch, failed, first, sendBatch, start, succeeded } from '../store/context.ts';
import { drain, queuedJob, queuedJobs, type ServedContext, sendQueue } from './context.ts';

const hook = 'https://example.com/hook';
const held = { owner: 'a', until: start + 60 };

export function testPlanning(context: ServedContext): void {
  /** Sends a queue whose jobs want to be told of, all but the first. */
  const send = async (count: number) => {
    const jobs = queuedJobs(count).map((job, i) => (i === 0 ? job : { ...job, callbackUrl: `${hook}/${i}` }));
    const sent = await sendQueue(context.store, jobs);
    return { ...sent, ...(await sendBatch(context.store, sent.lane)) };
  };

  test('what has ended and wants to be told of is planned once', async () => {
    const { service, store } = context;
    const { lease, attempts, jobs } = await send(4);
    expect(await service.planDeliveries(start)).toBe(0);
    const [a, b, c, d] = attempts;
    if (!a || !b || !c || !d) throw new Error('expected four attempts');
    await store.book([succeeded(a), failed(c), failed(d, { next: 'retry' })], lease);
    expect(await service.planDeliveries(start + 1)).toBe(2);
    await store.book([succeeded(b)], lease);
    expect(await drain(() => service.planDeliveries(start + 2))).toBe(1);
    expect(await service.planDeliveries(start + 3)).toBe(0);
    const planned = await service.listDeliveries({ limit: 9 });
    expect(planned).toEqual([
      {
        id: 2,
        event: 'job.ended',
        url: `${hook}/1`,
        job: jobs[1],
        state: 'pending',
        attempts: 0,
        createdAt: start + 2,
        nextAt: start + 2,
      },
      {
        id: 1,
        event: 'job.ended',
        url: `${hook}/2`,
        job: jobs[2],
        state: 'pending',
        attempts: 0,
        createdAt: start + 1,
        nextAt: start + 1,
      },
    ]);
    await endBatch(store, lease);
  });

  test('in chunks, from where it stopped, after a restart too', async () => {
    const { service, store } = context;
    for (let i = 0; i < 3; i++) await service.enqueue(queuedJobs(400, { callbackUrl: hook }), start);
    const runId = (await store.listRuns())[0]?.id ?? '';
    await drain(() => store.cancelQueuedJobs(runId));
    expect(await service.planDeliveries(start)).toBe(500);
    const reopened = await context.reopen();
    expect(await reopened.service.planDeliveries(start)).toBe(500);
    expect(await service.planDeliveries(start)).toBe(200);
    expect(await service.listDeliveries({ limit: 2_000 })).toHaveLength(1_200);
  });

  test('several that plan at once plan each result once', async () => {
    const { service, store } = context;
    await service.enqueue(queuedJobs(300, { callbackUrl: hook }), start);
    const runId = (await store.listRuns())[0]?.id ?? '';
    await store.cancelQueuedJobs(runId);
    const others = [service, (await context.second()).service, (await context.second()).service];
    await Promise.all(others.map((each) => drain(() => each.planDeliveries(start))));
    const planned = await service.listDeliveries({ limit: 2_000 });
    expect(new Set(planned.map(({ job }) => job)).size).toBe(300);
    expect(planned).toHaveLength(300);
  });

  test('a result that changes is told of again, once what was told before has been sent', async () => {
    const { service, store } = context;
    const { lane, jobs } = await sendQueue(store, [queuedJob('a', { callbackUrl: hook })]);
    const { lease, attempts } = await sendBatch(store, lane);
    const ref = first(attempts);
    await store.book([failed(ref)], lease);
    await service.planDeliveries(start);
    // One that waits tells the newest result.
    await store.book([succeeded(ref)], lease);
    await service.planDeliveries(start);
    const [delivery] = await service.claimDeliveries('a', start, start + 60, 5);
    expect(await service.listDeliveries({ limit: 9, job: jobs[0] ?? 0 })).toHaveLength(1);
    await service.bookDelivery(delivery?.id ?? 0, held, { at: start, durationMs: 5, status: 200 }, 'delivered');
    await endBatch(store, lease);
  });

  test('a job that is asked for again is told of again at its next end', async () => {
    const { service, store } = context;
    const { runId, jobs } = await sendQueue(store, [queuedJob('a', { callbackUrl: hook })]);
    const [job = 0] = jobs;
    await service.cancelJob(job);
    await drain(() => service.planDeliveries(start));
    const [delivery] = await service.claimDeliveries('a', start, start + 60, 5);
    await service.requeueJob(job);
    await service.cancelJob(job);
    // The first is on its way with what was so then.
    await drain(() => service.planDeliveries(start));
    await service.bookDelivery(delivery?.id ?? 0, held, { at: start, durationMs: 5, status: 200 }, 'delivered');
    expect((await service.listDeliveries({ limit: 9, job })).map(({ state }) => state)).toEqual([
      'pending',
      'delivered',
    ]);
    expect(await store.getRun(runId)).toMatchObject({ counts: { cancelled: 1 } });
  });
}
