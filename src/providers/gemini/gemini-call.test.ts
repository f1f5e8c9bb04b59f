import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createGeminiProvider, type GeminiProviderOptions } from './gemini-provider.ts';

const apiKey = 'gemini-canary-0123456789abcdef';
let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const wire = {
  endpoint: '/v1beta/models/gemini-2.5-flash:generateContent',
  body: '{"contents":[], "n":12345678901234567890}',
};
const good = { candidates: [{ content: { parts: [{ text: 'hi' }] }, finishReason: 'STOP' }] };
const refuse = (status: number, error: Record<string, unknown>) => (response: ServerResponse) =>
  answerJson(response, status, { error: { code: status, ...error } });

async function callAgainst(
  answer: (response: ServerResponse) => void,
  options: GeminiProviderOptions = {},
  signal?: AbortSignal,
  timeoutMs = 5000,
) {
  server = await startScriptedServer((_, response) => answer(response));
  const provider = createGeminiProvider({ apiKey, baseUrl: server.url, ...options });
  const call = provider.call(wire, { timeoutMs, signal: signal ?? new AbortController().signal });
  return call.catch((error: unknown) => error);
}

const delay = (retryDelay: string) => [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }];

describe.each([
  ['node:http', {}],
  ['fetch', { fetch: globalThis.fetch }],
])('call over %s', (_, options) => {
  test('sends the exact text to the path, and the key in a header', async () => {
    const outcome = await callAgainst((response) => answerJson(response, 200, good), options);
    expect(outcome).toEqual({ type: 'succeeded', output: 'hi', finishReason: 'stop' });
    expect(server?.seen).toEqual([expect.objectContaining({ method: 'POST', path: wire.endpoint, body: wire.body })]);
    expect(server?.seen[0]?.headers['x-goog-api-key']).toBe(apiKey);
  });

  test.each<[string, (response: ServerResponse) => void, Record<string, unknown>]>([
    ['400', refuse(400, { message: 'bad' }), { code: 'invalid_request', message: 'INVALID_ARGUMENT: bad' }],
    ['404', refuse(404, { message: 'models/x is not found' }), { code: 'invalid_request', retryable: false }],
    [
      '403 of a tuned model',
      refuse(403, { message: 'You do not have permission to access tuned model x' }),
      { code: 'invalid_request', retryable: false },
    ],
    [
      'a file that is not ready',
      refuse(400, { message: 'The File x is not in an ACTIVE state', status: 'FAILED_PRECONDITION' }),
      { code: 'invalid_request', retryable: false },
    ],
    [
      '429',
      refuse(429, { message: 'You exceeded your current quota', details: delay('34s') }),
      { code: 'rate_limited', retryable: true, retryAfterMs: 34_000 },
    ],
    [
      '429 of the free tier, by the minute',
      refuse(429, { message: 'generate_content_free_tier_requests, limit: 10', details: delay('3s') }),
      { code: 'rate_limited', retryAfterMs: 3000 },
    ],
    ['500', refuse(500, { message: 'm', status: 'INTERNAL' }), { code: 'overloaded', retryable: true }],
    ['503 as a list', (r) => answerJson(r, 503, [{ error: { message: 'm' } }]), { message: 'UNAVAILABLE: m' }],
    ['504', refuse(504, { message: 'm' }), { code: 'timeout', retryable: true }],
    ['529 with HTML', (r) => r.writeHead(529).end('<html>'), { code: 'overloaded', retryable: true }],
    ['200 with HTML', (r) => r.end('<html>'), { code: 'malformed', retryable: true }],
    ['stall', () => {}, { code: 'timeout', retryable: true }],
    ['stall inside the body', (r) => void r.write('{"candidates":'), { code: 'timeout', retryable: true }],
    ['reset', (r) => r.socket?.resetAndDestroy(), { code: 'connection', retryable: true }],
    ['cut', (r) => void r.write('{', () => r.destroy()), { code: 'connection', retryable: true }],
  ])('%s is an outcome', async (title, answer, failure) => {
    const timeoutMs = title.startsWith('stall') ? 300 : 5000;
    expect(await callAgainst(answer, options, undefined, timeoutMs)).toMatchObject({ type: 'failed', ...failure });
    expect(server?.seen).toHaveLength(1);
  });

  test.each([
    [400, { message: apiKey, details: [{ reason: 'API_KEY_INVALID' }] }, 'auth'],
    [400, { message: 'User location is not supported', status: 'FAILED_PRECONDITION' }, 'auth'],
    [401, { message: apiKey }, 'auth'],
    [403, { message: 'service disabled' }, 'auth'],
    [402, { message: 'pay' }, 'quota'],
    [429, { message: 'prepayment credits are depleted' }, 'quota'],
    [429, { message: 'generate_content_free_tier_requests, limit: 0' }, 'quota'],
  ])('%d %j is thrown as %s', async (status, error, code) => {
    const thrown = await callAgainst(refuse(status, error), options);
    expect(thrown).toMatchObject({ name: 'OffpeakError', code });
    expect(String(thrown)).not.toContain(apiKey);
  });

  test('nobody listens; aborted; a redirect', async () => {
    const controller = new AbortController();
    expect(await callAgainst(() => controller.abort(), options, controller.signal)).toMatchObject({ code: 'aborted' });
    const baseUrl = server?.url ?? '';
    await server?.close();
    const provider = createGeminiProvider({ apiKey, baseUrl, ...options });
    const gone = provider.call(wire, { timeoutMs: 300, signal: new AbortController().signal });
    await expect(gone).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    const other = await startScriptedServer((_request, response) => answerJson(response, 200, good));
    const moved = await callAgainst((response) => response.writeHead(307, { location: other.url }).end(), options);
    expect(moved).not.toMatchObject({ type: 'succeeded' });
    expect(other.seen).toHaveLength(0);
    await other.close();
  });
});

describe('keys', () => {
  test('Google itself needs one; the message says how', async () => {
    const provider = createGeminiProvider();
    const signal = new AbortController().signal;
    for (const attempt of [
      provider.check(),
      provider.call(wire, { timeoutMs: 100, signal }),
      provider.batch?.get('batches/b'),
    ]) {
      await expect(attempt).rejects.toMatchObject({ code: 'auth', message: expect.stringContaining('GEMINI_API_KEY') });
    }
  });

  test('another server is sent none when none is set', async () => {
    server = await startScriptedServer((_, response) => answerJson(response, 200, { models: [{ name: 'models/m' }] }));
    const provider = createGeminiProvider({ baseUrl: `${server.url}/v1beta/` });
    expect(await provider.check()).toEqual({ address: server.url, detail: expect.stringContaining('reachable') });
    expect(server.seen[0]?.path).toBe('/v1beta/models?pageSize=1');
    expect(JSON.stringify(server.seen)).not.toMatch(/api-key|authorization/i);
  });

  test.each([
    [403, { error: { message: `bad ${apiKey}` } }, 'auth'],
    [200, { hello: 1 }, 'bad_answer'],
    [200, '<html>', 'bad_answer'],
    [404, {}, 'rejected'],
    [503, {}, 'unavailable'],
  ])('a check that is answered %d %j throws %s', async (status, body, code) => {
    server = await startScriptedServer((_, response) => answerJson(response, status, body));
    const error = await createGeminiProvider({ apiKey, baseUrl: server.url })
      .check()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain(apiKey);
  });

  test.each([
    ['node:http', {}],
    ['fetch', { fetch: globalThis.fetch }],
  ])('one with a line break inside is not quoted, over %s', async (_, options) => {
    const provider = createGeminiProvider({ apiKey: 'gemini-canary\n0123456789', ...options });
    const error = await provider.check().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'auth' });
    expect(String(error)).not.toContain('canary');
  });
});
