import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createEventFeed, type EventFeed } from './event-feed.ts';
import { streamEvents } from './event-stream.ts';
import { createFakeService } from './service-fixtures.ts';

/** A stream into a pipe that the test reads, or does not. */
function setup(options: { after?: number; stallMs?: number } = {}) {
  const service = createFakeService();
  const clock = createFakeClock();
  const feed = createEventFeed({ views: service.views, clock, pollMs: 1_000, warn: () => {} });
  const response = new PassThrough({ highWaterMark: 16_384 });
  const stop = new AbortController();
  const limits = { stallMs: options.stallMs ?? 60_000, heartbeatMs: 60_000 };
  const start = () =>
    streamEvents({
      response,
      views: service.views,
      feed,
      filter: {},
      after: options.after,
      limits,
      checkAccess: async () => {},
      signal: stop.signal,
    });
  const happen = (count: number) => {
    for (let i = 0; i < count; i++) service.happen('x'.repeat(200));
    feed.notify();
  };
  const ids = () => [...text().matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
  let read = '';
  const text = () => {
    read += response.read()?.toString() ?? '';
    return read;
  };
  return { service, clock, feed, response, stop, start, happen, ids, text };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test('a reader that falls behind is served from the store at its own pace, and misses nothing', async () => {
  const { clock, feed, response, stop, start, happen, ids } = setup({ after: 0 });
  const done = start();
  await clock.advance(0);
  for (let i = 0; i < 40; i++) {
    happen(250);
    await clock.advance(0);
    // What waits for it is a page at most, however much has happened.
    expect(response.writableLength + response.readableLength).toBeLessThan(500 * 400);
  }
  for (let i = 0; i < 400 && ids().length < 10_000; i++) await clock.advance(10);
  expect(ids()).toEqual(upTo(10_000));
  // It has caught up, and is told at once again.
  happen(1);
  await clock.advance(0);
  expect(ids()).toEqual(upTo(10_001));
  stop.abort();
  await done;
  expect(response.writableEnded).toBe(true);
  await feed.close();
});

test('one that takes nothing is cut', async () => {
  const { clock, feed, response, start, happen } = setup({ after: 0, stallMs: 30 });
  happen(1_000);
  const done = start();
  await clock.advance(0);
  await done;
  expect(response.destroyed).toBe(true);
  await feed.close();
});

/** A feed that the test moves by hand, beside a store that has more, or less, than the feed has given. */
async function withScriptedFeed(script: {
  head: number;
  /** Answers of the store, one look after the other; `during` runs before the answer is given. */
  looks: { after: number; ids: number[]; during?: (give: (...ids: number[]) => void) => void }[];
  later?: (give: (...ids: number[]) => void) => void;
}): Promise<number[]> {
  const { service, clock, response, stop, ids } = setup();
  let lastSeen = script.head;
  let listener: Parameters<EventFeed['subscribe']>[0] = () => {};
  const eventOf = (id: number) => ({ id, at: '', type: 'a', run_id: null, batch_id: null, detail: null });
  const give = (...given: number[]) => {
    lastSeen = given.at(-1) ?? lastSeen;
    listener(given.map(eventOf));
  };
  const feed: EventFeed = {
    notify() {},
    subscribe(given) {
      listener = given;
      return () => {};
    },
    head: async () => lastSeen,
    get lastSeen() {
      return lastSeen;
    },
    changed: async () => {},
    close: async () => {},
  };
  const looks = [...script.looks];
  service.views.events = async ({ after }) => {
    const look = looks.shift();
    expect(after).toBe(look?.after);
    look?.during?.(give);
    return (look?.ids ?? []).map(eventOf);
  };
  const limits = { stallMs: 1_000, heartbeatMs: 60_000 };
  const checkAccess = async () => {};
  const { views } = service;
  const done = streamEvents({ response, views, feed, filter: {}, after: 0, limits, checkAccess, signal: stop.signal });
  await clock.advance(0);
  expect(looks).toEqual([]);
  script.later?.(give);
  const sent = ids();
  stop.abort();
  await done;
  return sent;
}

test('what the feed gives while the store is looked at is not lost', async () => {
  const sent = await withScriptedFeed({
    head: 3,
    looks: [
      // The feed has moved on to 4 meanwhile, and will not give it again.
      { after: 0, ids: [1, 2, 3], during: (give) => give(4) },
      { after: 3, ids: [4] },
    ],
    later: (give) => give(5),
  });
  expect(sent).toEqual([1, 2, 3, 4, 5]);
});

test('what the store had and the feed gives later is not sent twice', async () => {
  const sent = await withScriptedFeed({
    head: 3,
    looks: [{ after: 0, ids: [1, 2, 3, 4, 5] }],
    later: (give) => give(4, 5, 6),
  });
  expect(sent).toEqual([1, 2, 3, 4, 5, 6]);
});

test('ends with the signal while it catches up, and when its reader leaves', async () => {
  const first = setup({ after: 0 });
  first.happen(2_000);
  const done = first.start();
  await first.clock.advance(0);
  first.stop.abort();
  await done;
  const second = setup();
  const gone = second.start();
  await second.clock.advance(0);
  second.response.destroy();
  await gone;
  expect(second.clock.sleeping + first.clock.sleeping).toBe(0);
});

test('a store that fails ends the stream with the failure', async () => {
  const { service, start } = setup({ after: 0 });
  service.views.lastEventId = async () => {
    throw new Error('locked');
  };
  await expect(start()).rejects.toThrow('locked');
});
