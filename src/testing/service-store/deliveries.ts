import { expect, test } from 'vitest';
import type { Delivery, NewDelivery } from '../../service-store.ts';
import { endBatch, failed, first, leaseFor, sendBatch, start, succeeded } from '../store/context.ts';
import { drain, queuedJob, queuedJobs, type ServedContext, sendQueue } from './context.ts';

const hook = 'https://example.com/hook';

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
    await service.bookDelivery(delivery?.id ?? 0, { at: start, durationMs: 5, status: 200 }, 'delivered');
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
    await service.bookDelivery(delivery?.id ?? 0, { at: start, durationMs: 5, status: 200 }, 'delivered');
    expect((await service.listDeliveries({ limit: 9, job })).map(({ state }) => state)).toEqual([
      'pending',
      'delivered',
    ]);
    expect(await store.getRun(runId)).toMatchObject({ counts: { cancelled: 1 } });
  });
}

export function testDeliveries(context: ServedContext): void {
  const add = (change: Partial<NewDelivery> = {}, at = start) =>
    context.service.addDelivery(
      { event: 'run.ended', url: hook, body: '{"a":"\\u0000"}', runId: 'run-1', ...change },
      at,
    );
  const attempt = (at: number, status?: number) => ({
    at,
    durationMs: 12,
    ...(status === undefined ? { error: 'ECONNRESET' } : { status }),
  });
  const idsOf = (deliveries: readonly Delivery[]) => deliveries.map(({ id }) => id);

  test('one that is due is leased to one, and to the next when that has lapsed', async () => {
    const { service } = context;
    const id = await add();
    await add({}, start + 1_000);
    const claimed = await service.claimDeliveries('a', start, start + 60, 5);
    expect(claimed).toEqual([
      {
        id,
        event: 'run.ended',
        url: hook,
        body: '{"a":"\\u0000"}',
        runId: 'run-1',
        state: 'pending',
        attempts: 0,
        createdAt: start,
        nextAt: start,
      },
    ]);
    expect(await service.claimDeliveries('b', start + 59, start + 120, 5)).toEqual([]);
    expect(idsOf(await service.claimDeliveries('b', start + 60, start + 120, 5))).toEqual([id]);
  });

  test('the leases of who was killed are free as soon as that is noticed', async () => {
    const { service, store } = context;
    const id = await add();
    await service.claimDeliveries('dead', start, start + 60_000, 5);
    await store.releaseOwner('dead', start);
    expect(idsOf(await service.claimDeliveries('b', start, start + 60, 5))).toEqual([id]);
  });

  test('of many that claim at once each gets its own, as many as it asked for', async () => {
    const stores = [context.store, await context.second()];
    for (let i = 0; i < 20; i++) await add();
    const claims = await Promise.all(
      Array.from({ length: 6 }, (_, i) =>
        (stores[i % 2] ?? context.store).service.claimDeliveries(`w${i}`, start, start + 60, 3),
      ),
    );
    const ids = claims.flatMap(idsOf);
    expect(ids).toHaveLength(18);
    expect(new Set(ids).size).toBe(18);
  });

  test('every attempt is on record; what failed comes again when it is due, until it is given up', async () => {
    const { service } = context;
    const id = await add();
    await service.claimDeliveries('a', start, start + 60, 5);
    await service.bookDelivery(id, attempt(start + 5, 500), 'pending', start + 300);
    expect(await service.claimDeliveries('a', start + 299, start + 400, 5)).toEqual([]);
    expect(idsOf(await service.claimDeliveries('a', start + 300, start + 400, 5))).toEqual([id]);
    await service.bookDelivery(id, attempt(start + 310), 'failed');
    expect(await service.claimDeliveries('a', start + 9_999, start + 19_999, 5)).toEqual([]);
    expect(await service.getDelivery(id)).toEqual({
      delivery: expect.objectContaining({ state: 'failed', attempts: 2, firstAt: start + 5, lastError: 'ECONNRESET' }),
      attempts: [attempt(start + 5, 500), attempt(start + 310)],
    });
    expect((await service.getDelivery(id))?.delivery).not.toHaveProperty('nextAt');
    expect((await service.getDelivery(id))?.delivery).not.toHaveProperty('lastStatus');
    expect(await service.getDelivery(id + 1)).toBeUndefined();
  });

  test('what was delivered stays delivered, whatever a stalled process books afterwards', async () => {
    const { service } = context;
    const id = await add();
    await service.claimDeliveries('stalled', start, start + 60, 5);
    await service.claimDeliveries('b', start + 60, start + 120, 5);
    await service.bookDelivery(id, attempt(start + 70, 200), 'delivered');
    await service.bookDelivery(id, attempt(start + 80, 503), 'pending', start + 90);
    expect(await service.getDelivery(id)).toMatchObject({ delivery: { state: 'delivered', attempts: 2 } });
    expect(await service.claimDeliveries('c', start + 999, start + 9_999, 5)).toEqual([]);
  });

  test('again, by hand: due now, with all its time, its history kept', async () => {
    const { service } = context;
    const id = await add();
    await service.claimDeliveries('a', start, start + 60, 5);
    await service.bookDelivery(id, attempt(start, 410), 'failed');
    expect(await service.redeliver(id, start + 500)).toBe(true);
    expect(await service.redeliver(id + 1, start)).toBe(false);
    const [claimed] = await service.claimDeliveries('a', start + 500, start + 600, 5);
    expect(claimed).toMatchObject({ id, attempts: 1, nextAt: start + 500 });
    expect(claimed).not.toHaveProperty('firstAt');
    await service.bookDelivery(id, attempt(start + 510, 204), 'delivered');
    expect(await service.getDelivery(id)).toMatchObject({
      delivery: { state: 'delivered', firstAt: start + 510, lastStatus: 204 },
      attempts: [{ status: 410 }, { status: 204 }],
    });
  });

  test('one that is given back untried is due when it was said, and no sooner', async () => {
    const { service } = context;
    const id = await add();
    await service.claimDeliveries('a', start, start + 60, 5);
    await service.postponeDelivery(id, start + 30);
    expect(await service.claimDeliveries('a', start + 29, start + 60, 5)).toEqual([]);
    expect(await service.claimDeliveries('a', start + 30, start + 60, 5)).toMatchObject([{ id, attempts: 0 }]);
  });

  test('lists: newest first, by state and job, page by page', async () => {
    const { service } = context;
    const ids = [await add({ job: 7 }), await add(), await add({ job: 7 }), await add()];
    await service.claimDeliveries('a', start, start + 60, 5);
    await service.bookDelivery(ids[1] ?? 0, attempt(start, 200), 'delivered');
    await service.bookDelivery(ids[2] ?? 0, attempt(start, 410), 'failed');
    expect(idsOf(await service.listDeliveries({ limit: 2 }))).toEqual([ids[3], ids[2]]);
    expect(idsOf(await service.listDeliveries({ limit: 9, before: ids[2] ?? 0 }))).toEqual([ids[1], ids[0]]);
    expect(idsOf(await service.listDeliveries({ limit: 9, job: 7 }))).toEqual([ids[2], ids[0]]);
    expect(idsOf(await service.listDeliveries({ limit: 9, state: 'pending' }))).toEqual([ids[3], ids[0]]);
    expect(idsOf(await service.listDeliveries({ limit: 9, state: 'failed', job: 7 }))).toEqual([ids[2]]);
    expect(await service.listDeliveries({ limit: 9, job: 8 })).toEqual([]);
  });

  test('a feed is planned from once, whoever reads it', async () => {
    const { service } = context;
    const other = (await context.second()).service;
    expect(await service.getCursor('events')).toBeUndefined();
    const delivery = { event: 'run.ended', url: hook, body: '{}' };
    const planned = await Promise.all(
      [service, other].map((each) => each.planFrom({ name: 'events', from: undefined, to: 5 }, [delivery], start)),
    );
    expect(planned.filter((isOurs) => isOurs)).toHaveLength(1);
    expect(await other.getCursor('events')).toBe(5);
    expect(await service.planFrom({ name: 'events', from: 4, to: 6 }, [delivery], start)).toBe(false);
    expect(await service.planFrom({ name: 'events', from: 5, to: 6 }, [delivery, delivery], start)).toBe(true);
    expect(await service.listDeliveries({ limit: 9 })).toHaveLength(3);
  });

  test('a store that closes lets its leases go', async () => {
    const { service } = context;
    const other = await context.second();
    const id = await add();
    await other.service.claimDeliveries(leaseFor().owner, start, start + 60_000, 5);
    await context.store.releaseOwner(leaseFor().owner, start);
    expect(idsOf(await service.claimDeliveries('b', start, start + 60, 5))).toEqual([id]);
  });
}
