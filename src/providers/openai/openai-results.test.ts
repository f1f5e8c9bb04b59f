import type { ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import type { RemoteBatch, ResultLine } from '../../provider.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createOpenAIProvider } from './openai-provider.ts';

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const line = (id: string, content: string) =>
  `${JSON.stringify({
    custom_id: id,
    response: { status_code: 200, body: { choices: [{ message: { content }, finish_reason: 'stop' }] } },
    error: null,
  })}\n`;
const batch = (...resultFileIds: string[]): RemoteBatch => ({
  remoteId: 'batch_1',
  phase: 'ended',
  rawStatus: 'completed',
  resultFileIds,
  errors: [],
});

async function read(
  files: Record<string, string | ((response: ServerResponse) => void)>,
  ids = Object.keys(files),
  fetch?: typeof globalThis.fetch,
): Promise<ResultLine[]> {
  server = await startScriptedServer((request, response) => {
    const file = files[request.path.replace('/v1/files/', '').replace('/content', '')];
    if (!request.path.endsWith('/content')) answerJson(response, 200, { bytes: 1000 });
    else if (file === undefined) answerJson(response, 404, { error: { message: 'no such file' } });
    else if (typeof file === 'string') response.end(file);
    else file(response);
  });
  const { batch: api } = createOpenAIProvider({
    apiKey: 'k'.repeat(20),
    baseUrl: `${server.url}/v1`,
    timeouts: { idleMs: 200, replyMs: 200 },
    ...(fetch ? { fetch } : {}),
  });
  const lines: ResultLine[] = [];
  for await (const result of api?.results(batch(...ids)) ?? []) lines.push(result);
  return lines;
}

test('10,000 lines with U+2028 inside stay 10,000 lines', async () => {
  const content = (i: number) => `a\u2028b\u2029c\r${i}`;
  const text = Array.from({ length: 10_000 }, (_, i) =>
    line(`id-${i}`, content(i)).replaceAll('\\u2028', '\u2028'),
  ).join('');
  expect(text).toContain('\u2028');
  const lines = await read({ out: text });
  expect(lines).toHaveLength(10_000);
  expect(
    lines.every(
      (l, i) => l.customId === `id-${i}` && l.outcome.type === 'succeeded' && l.outcome.output === content(i),
    ),
  ).toBe(true);
});

test('the output file, then the error file; CRLF, blank lines and a missing last end do not matter', async () => {
  const error = JSON.stringify({ custom_id: 'c', response: null, error: { code: 'batch_expired', message: 'm' } });
  const lines = await read({ out: `${line('a', 'x').trimEnd()}\r\n\n${line('b', 'y')}`, err: error });
  expect(lines.map((l) => [l.customId, l.outcome.type])).toEqual([
    ['a', 'succeeded'],
    ['b', 'succeeded'],
    ['c', 'expired'],
  ]);
});

test('a broken line leaves its neighbours alone', async () => {
  const lines = await read({ out: `${line('a', 'x')}{"custom_id":"b"\n\0\n${line('c', 'y')}` });
  expect(lines.map((l) => l.customId)).toEqual(['a', undefined, undefined, 'c']);
});

test('no files, no lines', async () => {
  expect(await read({}, [])).toEqual([]);
});

const whole = line('a', 'x') + line('b', 'y');
const cuts: [string, (response: ServerResponse) => void][] = [
  ['404', (response) => answerJson(response, 404, {})],
  ['410', (response) => answerJson(response, 410, {})],
  ['503', (response) => answerJson(response, 503, {})],
  ['reset', (response) => response.socket?.resetAndDestroy()],
  [
    'cut before the announced length',
    (response) => {
      response.writeHead(200, { 'content-length': String(whole.length) });
      response.write(whole.slice(0, 200), () => response.destroy());
    },
  ],
  ['cut inside chunks', (response) => void response.write(whole.slice(0, 200), () => response.destroy())],
  ['stall', (response) => void response.write(whole.slice(0, 200))],
  [
    'an end that is only the end of the connection, and too early',
    (response) => {
      response.useChunkedEncodingByDefault = false;
      response.shouldKeepAlive = false;
      response.removeHeader('transfer-encoding');
      response.end(whole.slice(0, line('a', 'x').length));
    },
  ],
];
for (const [title, answer] of cuts) {
  test.each([
    ['node:http', undefined],
    ['fetch', globalThis.fetch],
  ])(`${title} over %s: read again later`, async (_, fetch) => {
    await expect(read({ out: answer }, ['out'], fetch)).rejects.toMatchObject({
      code: /^4/.test(title) ? 'not_found' : 'unavailable',
    });
  });
}

test('a compressed answer that was not asked for', async () => {
  const gzip = (response: ServerResponse) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
  await expect(read({ out: gzip })).rejects.toMatchObject({ code: 'bad_answer' });
  expect(server?.seen[0]?.headers['accept-encoding']).toBe('identity');
});

test('a reader may stop early', async () => {
  server = await startScriptedServer((_, response) => response.end(line('a', 'x').repeat(1000)));
  const { batch: api } = createOpenAIProvider({ baseUrl: `${server.url}/v1` });
  for await (const result of api?.results(batch('out')) ?? []) {
    expect(result.customId).toBe('a');
    break;
  }
});

test('a taker that needs longer than the idle time-out does not end the download', async () => {
  server = await startScriptedServer((_, response) => response.end(line('a', 'x'.repeat(200_000)).repeat(3)));
  const { batch: api } = createOpenAIProvider({ baseUrl: `${server.url}/v1`, timeouts: { idleMs: 50 } });
  let lines = 0;
  for await (const result of api?.results(batch('out')) ?? []) {
    expect(result.customId).toBe('a');
    lines++;
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
  expect(lines).toBe(3);
});
