import { expect, test } from 'vitest';
import type { ServerEvent } from '../service/contract/deliveries.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createEventFeed } from './event-feed.ts';
import { createFakeService } from './service-fixtures.ts';

function setup() {
  const service = createFakeService();
  const clock = createFakeClock();
  const warnings: string[] = [];
  const feed = createEventFeed({ views: service.views, clock, pollMs: 1_000, warn: (text) => warnings.push(text) });
  const seen: number[] = [];
  const listen = () => feed.subscribe((events) => seen.push(...events.map(({ id }: ServerEvent) => id)));
  return { service, clock, feed, seen, listen, warnings };
}

test('one reader for all listeners, and none while there is nobody', async () => {
  const { service, clock, feed, listen, seen } = setup();
  await clock.advance(10_000);
  expect(service.calls).toEqual([]);
  const leave = [listen(), listen(), listen()];
  await feed.head();
  service.happen('run_started');
  await clock.advance(1_000);
  expect(seen).toEqual([1, 1, 1]);
  expect(service.calls).toHaveLength(2);
  for (const each of leave) each();
  await clock.advance(5_000);
  expect(service.calls).toHaveLength(2);
  expect(clock.sleeping).toBe(0);
  await feed.close();
});

test('notify wakes it at once, also while the store is read', async () => {
  const { service, clock, feed, listen, seen } = setup();
  listen();
  await feed.head();
  await clock.advance(0);
  service.happen('a');
  feed.notify();
  await clock.advance(0);
  expect(seen).toEqual([1]);
  const read = service.views.events;
  service.views.events = async (filter) => {
    service.views.events = read;
    const events = await read(filter);
    // Comes after the rows were read: the reader must look again.
    service.happen('c');
    feed.notify();
    return events;
  };
  service.happen('b');
  feed.notify();
  await clock.advance(0);
  expect(seen).toEqual([1, 2, 3]);
  await feed.close();
});

test('who comes later is not given what happened before, and nothing is given twice', async () => {
  const { service, clock, feed, listen, seen } = setup();
  service.happen('old');
  const leave = listen();
  expect(await feed.head()).toBe(1);
  await clock.advance(1_000);
  expect(seen).toEqual([]);
  leave();
  await clock.advance(1_000);
  service.happen('while nobody listened');
  listen();
  expect(await feed.head()).toBe(2);
  service.happen('new');
  await clock.advance(1_000);
  expect(seen).toEqual([3]);
  await feed.close();
});

test('a store that does not answer is asked again', async () => {
  const { service, clock, feed, listen, seen, warnings } = setup();
  listen();
  await feed.head();
  await clock.advance(0);
  const read = service.views.events;
  service.views.events = async () => {
    throw new Error('locked');
  };
  service.happen('a');
  await clock.advance(2_000);
  expect(warnings[0]).toContain('locked');
  service.views.events = read;
  await clock.advance(1_000);
  expect(seen).toEqual([1]);
  await feed.close();
});

test('changed resolves with news, after a while, with the signal, and when it closes', async () => {
  const { service, clock, feed, listen } = setup();
  listen();
  await feed.head();
  await clock.advance(0);
  const order: string[] = [];
  const stop = new AbortController();
  void feed.changed(stop.signal).then(() => order.push('signal'));
  stop.abort();
  await clock.advance(0);
  expect(order).toEqual(['signal']);
  const alive = new AbortController().signal;
  void feed.changed(alive).then(() => order.push('while'));
  await clock.advance(1_000);
  void feed.changed(alive).then(() => order.push('news'));
  service.happen('a');
  feed.notify();
  await clock.advance(0);
  void feed.changed(alive).then(() => order.push('closed'));
  await feed.close();
  await clock.advance(0);
  expect(order).toEqual(['signal', 'while', 'news', 'closed']);
  expect(clock.sleeping).toBe(0);
});
