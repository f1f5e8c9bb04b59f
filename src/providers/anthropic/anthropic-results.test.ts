import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { RemoteBatch, ResultLine } from '../../provider.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createAnthropicProvider } from './anthropic-provider.ts';

const apiKey = 'sk-ant-canary-0123456789abcdef';
const ownPath = '/v1/messages/batches/b/results';
let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const line = (id: string, text: string) =>
  `${JSON.stringify({
    custom_id: id,
    result: {
      type: 'succeeded',
      message: { model: 'm', content: [{ type: 'text', text }], stop_reason: 'end_turn' },
    },
  })}\n`;
const batch = (...resultFileIds: string[]): RemoteBatch => ({
  remoteId: 'b',
  phase: 'ended',
  rawStatus: 'ended',
  resultFileIds,
  errors: [],
});

interface Reading {
  url?: (base: string) => string;
  fetch?: typeof globalThis.fetch;
  idleMs?: number;
  /** What the provider counts; rows of the batch. */
  rows?: number;
  onLine?: (line: ResultLine) => unknown;
}

async function read(answer: string | ((response: ServerResponse) => void), reading: Reading = {}) {
  await server?.close();
  server = await startScriptedServer((request, response) => {
    if (request.path === '/v1/messages/batches/b') {
      answerJson(response, 200, {
        id: 'b',
        processing_status: 'ended',
        request_counts: { succeeded: reading.rows ?? 3 },
      });
    } else if (typeof answer === 'string') response.end(answer);
    else answer(response);
  });
  const { batch: api } = createAnthropicProvider({
    apiKey,
    baseUrl: server.url,
    timeouts: { idleMs: reading.idleMs ?? 200, replyMs: 200 },
    ...(reading.fetch ? { fetch: reading.fetch } : {}),
  });
  const lines: ResultLine[] = [];
  const ended = reading.url ? batch(reading.url(server.url)) : batch();
  for await (const result of api?.results(ended) ?? []) {
    lines.push(result);
    await reading.onLine?.(result);
  }
  return lines;
}

/** A body that ends with the connection, the only sign of its end. */
const unframed = (text: string | Uint8Array) => (response: ServerResponse) => {
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  response.removeHeader('transfer-encoding');
  response.writeHead(200);
  response.end(text);
};

test('10,000 lines with U+2028 inside stay 10,000 lines', async () => {
  const text = (i: number) => `a\u2028b\u2029c\r${i}`;
  const body = Array.from({ length: 10_000 }, (_, i) => line(`id-${i}`, text(i))).join('');
  const lines = await read(body);
  expect(lines).toHaveLength(10_000);
  expect(
    lines.every((l, i) => l.customId === `id-${i}` && l.outcome.type === 'succeeded' && l.outcome.output === text(i)),
  ).toBe(true);
});

test('CRLF, blank lines and a missing last end do not matter; a broken line leaves its neighbours alone', async () => {
  const body = `${line('a', 'x').trimEnd()}\r\n\n{"custom_id":"b"\n\0\n${line('c', 'y').trimEnd()}`;
  const lines = await read(body);
  expect(lines.map((l) => l.customId)).toEqual(['a', undefined, undefined, 'c']);
  expect(lines[0]).toMatchObject({ model: 'm' });
});

describe('cut off', () => {
  const whole = line('a', 'ü') + line('b', '\u2028"') + line('c', '😀');
  const bytes = Buffer.from(whole);

  test('at every byte, where the end is only that of the connection: never taken for the whole', async () => {
    const texts = new Map([
      ['a', 'ü'],
      ['b', '\u2028"'],
      ['c', '😀'],
    ]);
    for (let length = 0; length <= bytes.length; length++) {
      const seen: ResultLine[] = [];
      const reading = { onLine: (l: ResultLine) => seen.push(l) };
      const result = await read(unframed(bytes.subarray(0, length)), reading).catch((error: unknown) => error);
      // The last line is complete without its end.
      if (length >= bytes.length - 1) expect(result).toHaveLength(3);
      else expect(result, `cut at ${length}`).toMatchObject({ code: 'unavailable', retryable: true });
      for (const { customId, outcome } of seen) {
        if (customId === undefined) expect(outcome).toMatchObject({ type: 'failed', code: 'malformed' });
        else expect(outcome).toMatchObject({ type: 'succeeded', output: texts.get(customId) });
      }
    }
  });

  const cuts: [string, (response: ServerResponse) => void, string][] = [
    ['404', (response) => answerJson(response, 404, {}), 'not_found'],
    ['410', (response) => answerJson(response, 410, {}), 'not_found'],
    ['503', (response) => answerJson(response, 503, {}), 'unavailable'],
    ['redirect', (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(), ''],
    ['reset', (response) => response.socket?.resetAndDestroy(), 'unavailable'],
    [
      'cut before the announced length',
      (response) => {
        response.writeHead(200, { 'content-length': String(bytes.length) });
        response.write(bytes.subarray(0, 200), () => response.destroy());
      },
      'unavailable',
    ],
    ['cut inside chunks', (r) => void r.write(bytes.subarray(0, 200), () => r.destroy()), 'unavailable'],
    ['stall', (response) => void response.write(bytes.subarray(0, 200)), 'unavailable'],
  ];
  for (const [title, answer, code] of cuts) {
    test.each([
      ['node:http', {}],
      ['fetch', { fetch: globalThis.fetch }],
    ])(`${title} over %s`, async (_, reading) => {
      const error = await read(answer, reading).catch((thrown: unknown) => thrown);
      if (code) expect(error).toMatchObject({ code });
      else expect(error).toMatchObject({ name: 'OffpeakError' });
      expect(String(error)).not.toContain(apiKey);
    });
  }
});

test('a compressed answer that was not asked for', async () => {
  const gzip = (response: ServerResponse) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  await expect(read(gzip)).rejects.toMatchObject({ code: 'bad_answer' });
  expect(server?.seen[0]?.headers['accept-encoding']).toBe('identity');
});

test('a reader may stop early, and one that needs longer than the idle time-out does not end the download', async () => {
  const stop = read(line('a', 'x').repeat(1000), {
    onLine: () => {
      throw new Error('enough');
    },
  });
  await expect(stop).rejects.toThrow('enough');
  const slow = { idleMs: 50, onLine: () => new Promise((resolve) => setTimeout(resolve, 80)) };
  expect(await read(line('a', 'x'.repeat(200_000)).repeat(3), slow)).toHaveLength(3);
});

describe('where the results are read', () => {
  test('where the provider says, on the configured origin', async () => {
    await read(line('a', 'x'), { url: (base) => `${base}/elsewhere/results?part=1` });
    expect(server?.seen).toMatchObject([{ path: '/elsewhere/results?part=1', headers: { 'x-api-key': apiKey } }]);
  });

  test.each([
    ['another host', (_: string) => 'http://127.0.0.1:9/steal'],
    ['another port', (base: string) => `${base}0/steal`.replace(/:(\d)(\d*)\//, ':1$2/')],
    ['another protocol', (base: string) => `${base.replace('http:', 'https:')}/steal`],
    ['a user in front', (base: string) => `${base.replace('//', '//user:secret@')}/steal`],
    ['a host that begins like ours', (base: string) => base.replace('127.0.0.1', '127.0.0.1.evil.invalid')],
    ['no address', (_: string) => 'nonsense'],
    ['nothing', () => ''],
  ])('%s: on its own path instead', async (_, url) => {
    expect(await read(line('a', 'x'), { url })).toHaveLength(1);
    expect(server?.seen).toMatchObject([{ path: ownPath, headers: { 'x-api-key': apiKey } }]);
  });
});
