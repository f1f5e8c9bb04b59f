import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createEventFeed } from './event-feed.ts';
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

test('events that come between the look into the store and the feed are neither lost nor doubled', async () => {
  const { service, clock, feed, stop, start, happen, ids } = setup({ after: 0 });
  happen(3);
  const others = feed.subscribe(() => {});
  await feed.head();
  await clock.advance(0);
  const read = service.views.events;
  let inBetween = 0;
  service.views.events = async (filter) => {
    const events = await read(filter);
    // Each look of the stream is overtaken by an event that the feed has given to its listeners before it is answered.
    if (inBetween < 5) {
      inBetween++;
      happen(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return events;
  };
  const done = start();
  await clock.advance(5_000);
  happen(2);
  await clock.advance(1_000);
  expect(ids()).toEqual(upTo(service.happened.length));
  expect(inBetween).toBe(5);
  stop.abort();
  others();
  await done;
  await feed.close();
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
