import { expect, test } from 'vitest';
import type { Delivery, DeliveryLease, NewDelivery } from '../../service-store.ts';
import { leaseFor, start } from '../store/context.ts';
import type { ServedContext } from './context.ts';

const hook = 'https://example.com/hook';
const held = (owner: string, until: number): DeliveryLease => ({ owner, until });

export function testDeliveries(context: ServedContext): void {
  let added = 0;
  const add = async (change: Partial<NewDelivery> = {}, at = start) => {
    const { service } = context;
    added += 1;
    const delivery = { event: 'run.ended', url: hook, body: '{"a":"\\u0000"}', runId: 'run-1', ...change };
    await service.planFrom({ name: `test-${added}`, from: undefined, to: 1 }, [delivery], at);
    const [latest] = await service.listDeliveries({ limit: 1 });
    return latest?.id ?? 0;
  };
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
    await service.bookDelivery(id, held('a', start + 60), attempt(start + 5, 500), 'pending', start + 300);
    expect(await service.claimDeliveries('a', start + 299, start + 400, 5)).toEqual([]);
    expect(idsOf(await service.claimDeliveries('a', start + 300, start + 400, 5))).toEqual([id]);
    await service.bookDelivery(id, held('a', start + 400), attempt(start + 310), 'failed');
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
    await service.bookDelivery(id, held('b', start + 120), attempt(start + 70, 200), 'delivered');
    await service.bookDelivery(id, held('stalled', start + 60), attempt(start + 80, 503), 'pending', start + 90);
    expect(await service.getDelivery(id)).toMatchObject({ delivery: { state: 'delivered', attempts: 2 } });
    expect(await service.claimDeliveries('c', start + 999, start + 9_999, 5)).toEqual([]);
  });

  test('an attempt under a lapsed lease counts, until somebody else has the delivery', async () => {
    const { service } = context;
    const id = await add();
    await service.claimDeliveries('slow', start, start + 60, 5);
    expect(await service.bookDelivery(id, held('slow', start + 60), attempt(start, 500), 'pending', start + 300)).toBe(
      true,
    );
    await service.claimDeliveries('slow', start + 300, start + 360, 5);
    await service.claimDeliveries('b', start + 360, start + 420, 5);
    for (const outcome of ['pending', 'failed'] as const) {
      const booked = service.bookDelivery(id, held('slow', start + 360), attempt(start + 301, 500), outcome);
      expect(await booked).toBe(false);
    }
    await service.postponeDelivery(id, held('slow', start + 360), start + 361);
    // It is on record, and is still the other's.
    expect(await service.getDelivery(id)).toMatchObject({
      delivery: { state: 'pending', attempts: 3, nextAt: start + 300, firstAt: start },
    });
    expect(await service.claimDeliveries('c', start + 419, start + 500, 5)).toEqual([]);
    expect(await service.bookDelivery(id, held('b', start + 420), attempt(start + 370), 'failed')).toBe(true);
    // A success is one, whoever had it.
    expect(await service.bookDelivery(id, held('slow', start + 360), attempt(start + 302, 200), 'delivered')).toBe(
      true,
    );
    expect(await service.getDelivery(id)).toMatchObject({ delivery: { state: 'delivered', attempts: 5 } });
    expect(await service.bookDelivery(id, held('b', start + 420), attempt(start + 371, 200), 'delivered')).toBe(false);
  });

  test('again, by hand, while it is on its way: due now, whatever comes of that attempt', async () => {
    const { service } = context;
    const id = await add();
    await service.claimDeliveries('a', start, start + 60, 5);
    expect(await service.redeliver(id, start + 10)).toBe(true);
    expect(await service.bookDelivery(id, held('a', start + 60), attempt(start, 410), 'failed')).toBe(false);
    await service.postponeDelivery(id, held('a', start + 60), start + 9_000);
    const [again] = await service.claimDeliveries('a', start + 20, start + 80, 5);
    expect(again).toMatchObject({ id, attempts: 1, nextAt: start + 10 });
    expect(again).not.toHaveProperty('firstAt');
    // The same process sends it twice now: the first says nothing about the second.
    const late = service.bookDelivery(id, held('a', start + 60), attempt(start, 500), 'pending', start + 9_000);
    expect(await late).toBe(false);
    expect(await service.claimDeliveries('b', start + 79, start + 90, 5)).toEqual([]);
    expect(await service.bookDelivery(id, held('a', start + 80), attempt(start + 21, 500), 'pending', start + 99)).toBe(
      true,
    );
    expect(await service.getDelivery(id)).toMatchObject({
      delivery: { state: 'pending', attempts: 3, firstAt: start + 21, nextAt: start + 99 },
    });
  });

  test('again, by hand: due now, with all its time, its history kept', async () => {
    const { service } = context;
    const id = await add();
    await service.claimDeliveries('a', start, start + 60, 5);
    await service.bookDelivery(id, held('a', start + 60), attempt(start, 410), 'failed');
    expect(await service.redeliver(id, start + 500)).toBe(true);
    expect(await service.redeliver(id + 1, start)).toBe(false);
    const [claimed] = await service.claimDeliveries('a', start + 500, start + 600, 5);
    expect(claimed).toMatchObject({ id, attempts: 1, nextAt: start + 500 });
    expect(claimed).not.toHaveProperty('firstAt');
    await service.bookDelivery(id, held('a', start + 600), attempt(start + 510, 204), 'delivered');
    expect(await service.getDelivery(id)).toMatchObject({
      delivery: { state: 'delivered', firstAt: start + 510, lastStatus: 204 },
      attempts: [{ status: 410 }, { status: 204 }],
    });
  });

  test('one that is given back untried is due when it was said, and no sooner', async () => {
    const { service } = context;
    const id = await add();
    await service.claimDeliveries('a', start, start + 60, 5);
    await service.postponeDelivery(id, held('a', start + 60), start + 30);
    expect(await service.claimDeliveries('a', start + 29, start + 60, 5)).toEqual([]);
    expect(await service.claimDeliveries('a', start + 30, start + 60, 5)).toMatchObject([{ id, attempts: 0 }]);
  });

  test('lists: newest first, by state and job, page by page', async () => {
    const { service } = context;
    const ids = [await add({ job: 7 }), await add(), await add({ job: 7 }), await add()];
    await service.claimDeliveries('a', start, start + 60, 5);
    await service.bookDelivery(ids[1] ?? 0, held('a', start + 60), attempt(start, 200), 'delivered');
    await service.bookDelivery(ids[2] ?? 0, held('a', start + 60), attempt(start, 410), 'failed');
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
