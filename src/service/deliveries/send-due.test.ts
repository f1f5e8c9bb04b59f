import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { openStore } from '../queue-fixtures.ts';
import { createBatchReader } from '../views/batch-reader.ts';
import { createDeliveriesFixture, type DeliveriesFixture, idsOf, startReceiver } from './deliveries-fixtures.ts';

async function plan({ store, clock }: DeliveriesFixture, count: number, url: string): Promise<void> {
  const planned = Array.from({ length: count }, (_, i) => ({ event: 'run.ended', url, body: `{"i":${i}}` }));
  await store.service.planFrom({ name: url, from: undefined, to: count }, planned, clock.now());
}

/** A receiver that answers when it is told to. */
async function patientReceiver() {
  const waiting: ServerResponse[] = [];
  let mostAtOnce = 0;
  let seen: () => void = () => {};
  const server = await startReceiver((_, response) => {
    waiting.push(response);
    mostAtOnce = Math.max(mostAtOnce, waiting.length);
    seen();
  });
  return {
    server,
    waiting,
    mostAtOnce: () => mostAtOnce,
    answerAll() {
      for (const response of waiting.splice(0)) response.end();
    },
    /** Until so many wait for an answer. */
    async wait(count: number) {
      while (waiting.length < count) {
        await new Promise<void>((resolve) => {
          seen = resolve;
        });
      }
    },
  };
}

async function attemptsOf({ deliveries }: DeliveriesFixture): Promise<number> {
  const { deliveries: rows } = await deliveries.list({ limit: 500 });
  return rows.reduce((sum, { attempts }) => sum + attempts, 0);
}

describe('many deliveries', () => {
  test('go in parallel, but only a few to one host', async () => {
    const fixture = createDeliveriesFixture({ parallel: 6, parallelPerHost: 2 });
    const receivers = await Promise.all([patientReceiver(), patientReceiver(), patientReceiver(), patientReceiver()]);
    for (const { server } of receivers) await plan(fixture, 2, server.url);
    const done = fixture.run();
    for (const [i, receiver] of receivers.entries()) {
      if (i < 3) await receiver.wait(2);
    }
    expect(receivers.map(({ waiting }) => waiting.length)).toEqual([2, 2, 2, 0]);
    receivers[0]?.answerAll();
    await receivers[3]?.wait(1);
    for (const { waiting, server, answerAll } of receivers) {
      while (server.seen.length < 2 || waiting.length > 0) {
        answerAll();
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await done;
    expect(receivers.map((each) => each.mostAtOnce())).toEqual([2, 2, 2, 2]);
    expect(await attemptsOf(fixture)).toBe(8);
  });

  test('two processes send each once, and none at the same time', async () => {
    const fixture = createDeliveriesFixture();
    const { clock, settings } = fixture;
    const store = openStore(fixture.folder, { now: clock.now });
    const other = fixture.another({
      service: store.service,
      views: store.views,
      store,
      batch: createBatchReader({ views: store.views, store, clock }).details,
      settings: async () => settings,
    });
    const receiver = await startReceiver((_, response) => response.end());
    await fixture.deliveries.signingSecret();
    await plan(fixture, 120, receiver.url);
    await Promise.all([fixture.run(), fixture.run(other)]);
    expect(receiver.seen).toHaveLength(120);
    expect(new Set(idsOf(receiver)).size).toBe(120);
    expect(await attemptsOf(fixture)).toBe(120);
  });

  test('a host that never answers holds up nobody else, and rests', async () => {
    const fixture = createDeliveriesFixture();
    const dead = await patientReceiver();
    const good = await startReceiver((_, response) => response.end());
    await plan(fixture, 40, dead.server.url);
    await plan(fixture, 5, good.url);
    const startedAt = fixture.clock.now();
    const done = fixture.run();
    while (good.seen.length < 5) {
      await fixture.clock.advance(1_000);
      expect(fixture.clock.now() - startedAt).toBeLessThan(25_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await fixture.clock.runUntil(done);
    // After a few silent tries the rest was put off, untried.
    expect(dead.server.seen.length).toBeLessThan(10);
    const { deliveries } = await fixture.deliveries.list({ limit: 100 });
    const toDead = deliveries.filter(({ url }) => url === dead.server.url);
    expect(toDead).toHaveLength(40);
    expect(toDead.every(({ state }) => state === 'pending')).toBe(true);
    const untried = toDead.filter(({ attempts }) => attempts === 0);
    expect(untried.length).toBeGreaterThan(30);
    // Not before its rest is over.
    expect(untried.every(({ next_at }) => Date.parse(next_at ?? '') >= startedAt + 60_000)).toBe(true);
    expect(toDead.some(({ last_error }) => last_error === 'no answer in 15 seconds')).toBe(true);
  });
});

describe('a close', () => {
  test('gives the receiver a moment; then it is broken off, recorded, and sent by the next process under the same id', async () => {
    const fixture = createDeliveriesFixture();
    const receiver = await patientReceiver();
    await plan(fixture, 6, receiver.server.url);
    const stop = new AbortController();
    const done = fixture.deliveries.duty.run(stop.signal);
    await receiver.wait(4);
    stop.abort();
    receiver.waiting[0]?.end();
    await fixture.clock.runUntil(done, 5_000);
    const { deliveries } = await fixture.deliveries.list({ limit: 10 });
    expect(deliveries.map(({ state, attempts, last_error }) => [state, attempts, last_error]).sort()).toEqual([
      ['delivered', 1, null],
      ['pending', 0, null],
      ['pending', 0, null],
      ['pending', 1, 'the service was stopped'],
      ['pending', 1, 'the service was stopped'],
      ['pending', 1, 'the service was stopped'],
    ]);
    // No lease is left: another process sends all of them at once.
    const next = fixture.run(fixture.another());
    receiver.waiting.splice(0);
    while (receiver.server.seen.length < 9 || receiver.waiting.length > 0) {
      receiver.answerAll();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await next;
    expect(new Set(idsOf(receiver.server)).size).toBe(6);
    const after = await fixture.deliveries.list({ limit: 10 });
    expect(after.deliveries.every(({ state }) => state === 'delivered')).toBe(true);
  });

  test('before it has begun sends nothing', async () => {
    const fixture = createDeliveriesFixture();
    const receiver = await startReceiver((_, response) => response.end());
    await plan(fixture, 1, receiver.url);
    await fixture.deliveries.duty.run(AbortSignal.abort());
    expect(receiver.seen).toEqual([]);
  });
});

test('a process that crashed before it booked: sent again when its lease has lapsed, under the same id', async () => {
  const fixture = createDeliveriesFixture();
  const { store, clock } = fixture;
  const receiver = await startReceiver((_, response) => response.end());
  await plan(fixture, 1, receiver.url);
  const broken = fixture.another({
    service: { ...store.service, bookDelivery: () => Promise.reject(new Error('crashed')) },
  });
  await expect(fixture.run(broken)).rejects.toThrow('crashed');
  await fixture.run();
  expect(receiver.seen).toHaveLength(1);
  await clock.advance(60_000);
  await fixture.run();
  expect(receiver.seen).toHaveLength(2);
  expect(new Set(idsOf(receiver)).size).toBe(1);
  await fixture.run();
  expect(receiver.seen).toHaveLength(2);
});

test('asked for again while it is on its way, it is sent once more, whatever the receiver says to the first', async () => {
  const fixture = createDeliveriesFixture();
  const { clock, deliveries } = fixture;
  const receiver = await patientReceiver();
  await plan(fixture, 1, receiver.server.url);
  const done = fixture.run();
  await receiver.wait(1);
  await clock.advance(1_000);
  const [row] = (await deliveries.list({ limit: 1 })).deliveries;
  await deliveries.redeliver(row?.delivery_id ?? 0);
  // "Gone": it would have been given up.
  receiver.waiting.splice(0)[0]?.writeHead(410).end();
  await receiver.wait(1);
  expect(await fixture.store.service.listAlerts({ openOnly: true, limit: 10 })).toEqual([]);
  receiver.answerAll();
  await done;
  expect((await deliveries.list({ limit: 2 })).deliveries).toMatchObject([{ state: 'delivered', attempts: 2 }]);
  expect(new Set(idsOf(receiver.server)).size).toBe(1);
});

test('what could not be booked is told, also while others are being claimed', async () => {
  const fixture = createDeliveriesFixture();
  const { service } = fixture.store;
  const slow = await patientReceiver();
  const quick = await startReceiver((_, response) => response.end());
  await plan(fixture, 1, slow.server.url);
  await plan(fixture, 1, quick.url);
  let claims = 0;
  let refuse: (error: Error) => void = () => {};
  const refused = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  const broken = fixture.another({
    service: {
      ...service,
      bookDelivery: (id, ...rest) => (id === 1 ? refused : service.bookDelivery(id, ...rest)),
      claimDeliveries: async (...input) => {
        claims += 1;
        // The quick one has ended, and nobody waits for the slow one now.
        if (claims === 2) {
          slow.answerAll();
          refuse(new Error('the store is locked'));
          await refused.catch(() => {});
          for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
        }
        return service.claimDeliveries(...input);
      },
    },
  });
  await expect(fixture.run(broken)).rejects.toThrow('the store is locked');
});
