import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { RemoteBatch, ResultLine } from '../../provider.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createGeminiProvider } from './gemini-provider.ts';

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const row = (key: string, text: string) => ({
  key,
  response: { candidates: [{ content: { parts: [{ text }], role: 'model' }, finishReason: 'STOP' }] },
});
const line = (key: string, text: string) => `${JSON.stringify(row(key, text))}\n`;
const batch = (...resultFileIds: string[]): RemoteBatch => ({
  remoteId: 'batches/b1',
  phase: 'ended',
  rawStatus: 'succeeded',
  resultFileIds,
  errors: [],
});
const path = '/download/v1beta/files/out:download?alt=media';

type Answer = string | ((response: ServerResponse) => void);

async function read(
  script: Record<string, Answer>,
  of = batch('files/out'),
  options: { fetch?: typeof globalThis.fetch; idleMs?: number } = {},
): Promise<ResultLine[]> {
  server = await startScriptedServer((request, response) => {
    const answer = script[request.path];
    if (answer === undefined) answerJson(response, 404, { error: { message: 'Requested entity was not found.' } });
    else if (typeof answer === 'string') response.end(answer);
    else answer(response);
  });
  const { idleMs = 5000, ...rest } = options;
  const timeouts = { idleMs };
  const { batch: api } = createGeminiProvider({ apiKey: 'k'.repeat(20), baseUrl: server.url, timeouts, ...rest });
  const lines: ResultLine[] = [];
  for await (const result of api?.results(of) ?? []) lines.push(result);
  return lines;
}
const seen = () => server?.seen.map((request) => request.path);

test('10,000 lines with U+2028 inside stay 10,000 lines', async () => {
  const content = (i: number) => `a\u2028b\u2029c\r${i}`;
  const text = Array.from({ length: 10_000 }, (_, i) => line(`id-${i}`, content(i))).join('');
  expect(text).toContain('\u2028');
  const lines = await read({ [path]: text });
  expect(lines).toHaveLength(10_000);
  expect(
    lines.every(
      (l, i) => l.customId === `id-${i}` && l.outcome.type === 'succeeded' && l.outcome.output === content(i),
    ),
  ).toBe(true);
});

test('CRLF, blank lines, a broken line and a missing last end leave the others alone', async () => {
  const text = `${line('a', 'x').trimEnd()}\r\n\n{"key":"b"\n\0\n${line('c', 'y')}${line('d', 'z').trimEnd()}`;
  const lines = await read({ [path]: text });
  expect(lines.map((l) => l.customId)).toEqual(['a', undefined, undefined, 'c', 'd']);
});

test('the address that Google’s own client uses is the second to be tried', async () => {
  const other = '/v1beta/files/out:download?alt=media';
  expect(await read({ [other]: line('a', 'x') })).toHaveLength(1);
  expect(seen()).toEqual([path, other]);
  await server?.close();
  await expect(read({})).rejects.toMatchObject({ code: 'not_found' });
  expect(seen()).toEqual([path, other]);
});

test('a name that is no plain file is asked for nowhere', async () => {
  for (const id of ['files/../models', 'https://evil.example/x', 'files/a?b', 'files/']) {
    await expect(read({}, batch(id))).rejects.toMatchObject({ code: 'bad_answer' });
    expect(seen()).toEqual([]);
    await server?.close();
  }
});

describe('a batch whose requests were sent inline', () => {
  const operation = (rows: unknown[]) => ({
    name: 'batches/b1',
    done: true,
    response: { inlinedResponses: { inlinedResponses: rows } },
  });
  const get = '/v1beta/batches/b1';

  test('has its rows in the operation, keyed by metadata', async () => {
    const { key, response } = row('a', 'x');
    const error = { code: 400, message: 'bad' };
    const rows = [{ response, metadata: { key } }, { error, metadata: { key: 'b' } }, { response }, 'nonsense'];
    const lines = await read({ [get]: JSON.stringify(operation(rows)) }, batch());
    expect(lines.map((l) => [l.customId, l.outcome.type])).toEqual([
      ['a', 'succeeded'],
      ['b', 'failed'],
      [undefined, 'succeeded'],
      [undefined, 'failed'],
    ]);
    expect(JSON.parse(lines[0]?.raw ?? '')).toEqual(rows[0]);
  });

  test('has none, fails, or is gone', async () => {
    expect(await read({ [get]: '{"name":"batches/b1","done":true}' }, batch())).toEqual([]);
    await server?.close();
    await expect(read({ [get]: (r) => answerJson(r, 503, {}) }, batch())).rejects.toMatchObject({
      code: 'unavailable',
    });
    await server?.close();
    await expect(read({}, batch())).rejects.toMatchObject({ code: 'not_found' });
  });
});

const whole = line('a', 'ü\u2028') + line('b', '\ud83d\ude00') + line('c', 'z');
const wholeBytes = Buffer.from(whole);

const plainEnd = (response: ServerResponse, body: Uint8Array) => {
  response.useChunkedEncodingByDefault = false;
  response.shouldKeepAlive = false;
  response.removeHeader('transfer-encoding');
  response.end(body);
};
const cuts: [string, (response: ServerResponse) => void][] = [
  ['410', (response) => answerJson(response, 410, {})],
  ['503', (response) => answerJson(response, 503, {})],
  ['reset', (response) => response.socket?.resetAndDestroy()],
  ['cut inside chunks', (response) => void response.write(whole.slice(0, 200), () => response.destroy())],
  ['stall', (response) => void response.write(whole.slice(0, 200))],
  ['an end that is only the end of the connection', (response) => plainEnd(response, wholeBytes.subarray(0, 150))],
];
const size = { '/v1beta/files/out': JSON.stringify({ name: 'files/out', sizeBytes: String(wholeBytes.length) }) };
for (const [title, answer] of cuts) {
  test.each([
    ['node:http', {}],
    ['fetch', { fetch: globalThis.fetch }],
  ])(`${title} over %s: read again later`, async (_, options) => {
    const idleMs = title === 'stall' ? 200 : 5000;
    await expect(read({ ...size, [path]: answer }, batch('files/out'), { ...options, idleMs })).rejects.toMatchObject({
      code: title === '410' ? 'not_found' : 'unavailable',
    });
  });
}

test('cut at every byte: no wrong row, and never taken for the end', async () => {
  let cut = 0;
  server = await startScriptedServer((request, response) => {
    if (request.path === '/v1beta/files/out') response.end(size['/v1beta/files/out']);
    else if (cut % 2 === 0) plainEnd(response, wholeBytes.subarray(0, cut));
    else {
      response.writeHead(200, { 'content-length': String(wholeBytes.length) });
      response.write(wholeBytes.subarray(0, cut), () => response.destroy());
    }
  });
  const { batch: api } = createGeminiProvider({ apiKey: 'k'.repeat(20), baseUrl: server.url });
  const texts: Record<string, string> = { a: 'ü\u2028', b: '\ud83d\ude00', c: 'z' };
  for (; cut < wholeBytes.length; cut++) {
    const rows: ResultLine[] = [];
    const error = await (async () => {
      for await (const result of api?.results(batch('files/out')) ?? []) rows.push(result);
    })().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'unavailable', retryable: true });
    for (const { customId, outcome } of rows) {
      if (outcome.type === 'succeeded') expect(outcome.output).toBe(texts[customId ?? '']);
      else expect(outcome).toMatchObject({ code: 'malformed' });
    }
  }
  cut = wholeBytes.length + (wholeBytes.length % 2);
  const rows: ResultLine[] = [];
  for await (const result of api?.results(batch('files/out')) ?? []) rows.push(result);
  expect(rows.map((result) => result.customId)).toEqual(['a', 'b', 'c']);
});

test('a compressed answer that was not asked for', async () => {
  const gzip = (response: ServerResponse) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  await expect(read({ [path]: gzip })).rejects.toMatchObject({ code: 'bad_answer' });
  expect(server?.seen[0]?.headers['accept-encoding']).toBe('identity');
});

test('a redirect takes the key nowhere else', async () => {
  const other = await startScriptedServer((_, response) => response.end(line('a', 'x')));
  const moved = (response: ServerResponse) => response.writeHead(302, { location: other.url }).end();
  await expect(read({ [path]: moved })).rejects.toMatchObject({ code: 'rejected' });
  expect(other.seen).toHaveLength(0);
  await other.close();
});

test('a reader may stop early', async () => {
  server = await startScriptedServer((_, response) => response.end(line('a', 'x').repeat(1000)));
  const { batch: api } = createGeminiProvider({ baseUrl: server.url });
  for await (const result of api?.results(batch('files/out')) ?? []) {
    expect(result.customId).toBe('a');
    break;
  }
});
