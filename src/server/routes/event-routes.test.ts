import { expect, test } from 'vitest';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { bearer, createFakeTokens, startServer } from '../server-fixtures.ts';

interface Stream {
  ids: number[];
  text: () => string;
  /** Resolves when so many ids have come. */
  until(count: number): Promise<void>;
  ended: Promise<void>;
  close(): void;
}

async function listen(url: string, path: string, headers: Record<string, string> = {}): Promise<Stream> {
  const stop = new AbortController();
  const response = await fetch(`${url}${path}`, { headers, signal: stop.signal });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const ids: number[] = [];
  let text = '';
  let wake = () => {};
  const ended = (async () => {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body ?? []) {
      const part = decoder.decode(chunk, { stream: true });
      text += part;
      rest += part;
      const blocks = rest.split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const id = /^id: (\d+)$/m.exec(block)?.[1];
        if (id !== undefined) ids.push(Number(id));
      }
      wake();
    }
  })().catch(() => {});
  return {
    ids,
    text: () => text,
    async until(count) {
      while (ids.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    ended,
    close: () => stop.abort(),
  };
}

test('missed events first, then each as it happens, once and in order', async () => {
  const { url, service, server } = await startServer();
  for (let i = 0; i < 1_200; i++) service.happen('batch_in_progress');
  const stream = await listen(url, '/batch/events?after=10');
  await stream.until(1_190);
  for (let i = 0; i < 50; i++) {
    service.happen('run_ended');
    server.notify();
    if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await stream.until(1_240);
  expect(stream.ids).toEqual(Array.from({ length: 1_240 }, (_, i) => i + 11));
  expect(stream.text()).toContain('"type":"run_ended"');
  stream.close();
});

test('Last-Event-ID goes before the query, and without both only what is new comes', async () => {
  const { url, service, server } = await startServer();
  for (let i = 0; i < 5; i++) service.happen('a');
  const resumed = await listen(url, '/batch/events?after=1', { 'last-event-id': '3' });
  const fresh = await listen(url, '/batch/events');
  await resumed.until(2);
  service.happen('b');
  server.notify();
  await Promise.all([resumed.until(3), fresh.until(1)]);
  expect(resumed.ids).toEqual([4, 5, 6]);
  expect(fresh.ids).toEqual([6]);
  const wrong = await fetch(`${url}/batch/events`, { headers: { 'last-event-id': 'x' } });
  expect(wrong.status).toBe(400);
});

test('a filter holds for what was missed and for what comes', async () => {
  const { url, service, server } = await startServer();
  service.happen('a', 'run-1');
  service.happen('a', 'run-2');
  const stream = await listen(url, '/batch/events?run_id=run-2&after=0');
  await stream.until(1);
  service.happen('b', 'run-1');
  service.happen('b', 'run-2');
  server.notify();
  await stream.until(2);
  expect(stream.ids).toEqual([2, 4]);
});

test('fifty listeners, one reader', async () => {
  const { url, service, server } = await startServer({ limits: { pollMs: 600_000 } });
  const streams = await Promise.all(Array.from({ length: 50 }, () => listen(url, '/batch/events?after=0')));
  service.happen('a');
  server.notify();
  await Promise.all(streams.map((stream) => stream.until(1)));
  const before = service.calls.length;
  service.happen('b');
  server.notify();
  await Promise.all(streams.map((stream) => stream.until(2)));
  expect(service.calls.length - before).toBeLessThan(3);
  for (const stream of streams) stream.close();
});

test('a stream ends when its token dies, and beats until then', async () => {
  const clock = createFakeClock();
  const tokens = createFakeTokens();
  const secret = tokens.add('read');
  const { url } = await startServer({ tokens, clock, limits: { heartbeatMs: 20, tokenMs: 5_000 } });
  const stream = await listen(url, '/batch/events', bearer(secret));
  while (!stream.text().includes(': still here')) await new Promise((resolve) => setTimeout(resolve, 5));
  tokens.revoke(secret);
  await clock.advance(5_001);
  await stream.ended;
});

test('there are no more streams than allowed, and a place comes free again', async () => {
  const { url } = await startServer({ limits: { streams: 2 } });
  const streams = await Promise.all([listen(url, '/batch/events'), listen(url, '/batch/events')]);
  const refused = await fetch(`${url}/batch/events`);
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('10');
  streams[0]?.close();
  let again = await fetch(`${url}/batch/events`);
  while (again.status === 503) again = await fetch(`${url}/batch/events`);
  expect(again.status).toBe(200);
  await again.body?.cancel();
  streams[1]?.close();
});

test('closing the server ends its streams at once', async () => {
  const { url, server } = await startServer();
  const stream = await listen(url, '/batch/events');
  const began = performance.now();
  await server.close();
  await stream.ended;
  expect(performance.now() - began).toBeLessThan(2_000);
});
