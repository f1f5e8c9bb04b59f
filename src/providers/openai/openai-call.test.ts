import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createOpenAIProvider, type OpenAIProviderOptions } from './openai-provider.ts';

const apiKey = 'sk-canary-0123456789abcdef';
let server: ScriptedServer | undefined;
afterEach(async () => {
  vi.unstubAllEnvs();
  await server?.close();
});

const wire = { endpoint: '/v1/chat/completions', body: '{"model":"m", "n":12345678901234567890}' };
const good = { object: 'chat.completion', choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }] };

async function callAgainst(
  answer: (response: ServerResponse) => void,
  options: OpenAIProviderOptions = {},
  signal?: AbortSignal,
) {
  server = await startScriptedServer((_, response) => answer(response));
  const provider = createOpenAIProvider({ apiKey, baseUrl: `${server.url}/v1`, ...options });
  const call = provider.call(wire, { timeoutMs: 300, signal: signal ?? new AbortController().signal });
  return call.catch((error: unknown) => error);
}

describe.each([
  ['node:http', {}],
  ['fetch', { fetch: globalThis.fetch }],
])('call over %s', (_, options) => {
  test('sends the exact text to the path behind the base URL', async () => {
    const outcome = await callAgainst((response) => answerJson(response, 200, good), options);
    expect(outcome).toEqual({ type: 'succeeded', output: 'hi', finishReason: 'stop' });
    expect(server?.seen).toEqual([
      expect.objectContaining({ method: 'POST', path: '/v1/chat/completions', body: wire.body }),
    ]);
  });

  test.each<[string, (response: ServerResponse) => void, Record<string, unknown>]>([
    [
      '400',
      (r) => answerJson(r, 400, { error: { message: 'bad', code: 'x' } }),
      { code: 'x', message: 'bad', retryable: false },
    ],
    [
      '404',
      (r) => answerJson(r, 404, { error: { message: 'no', code: 'model_not_found' } }),
      { code: 'invalid_request', message: 'no (model_not_found)', retryable: false },
    ],
    [
      '403 of a model',
      (r) => answerJson(r, 403, { error: { message: 'no', code: 'model_not_found' } }),
      { retryable: false },
    ],
    [
      '422',
      (r) => answerJson(r, 422, { detail: 'bad' }),
      { code: 'invalid_request', message: 'bad', retryable: false },
    ],
    [
      '429',
      (r) => answerJson(r, 429, { error: { message: 'slow', code: 'rate_limit_exceeded' } }, { 'retry-after': '3' }),
      { code: 'rate_limited', retryable: true, retryAfterMs: 3000 },
    ],
    ['500', (r) => answerJson(r, 500, {}), { code: 'overloaded', retryable: true }],
    ['529', (r) => r.writeHead(529).end('<html>'), { code: 'overloaded', message: 'an HTML page', retryable: true }],
    ['200 with HTML', (r) => r.end('<html>'), { code: 'malformed', retryable: true }],
    ['stall', () => {}, { code: 'timeout', retryable: true }],
    ['stall inside the body', (r) => void r.write('{"choices":'), { code: 'timeout', retryable: true }],
    ['reset', (r) => r.socket?.resetAndDestroy(), { code: 'connection', retryable: true }],
    ['cut', (r) => void r.write('{', () => r.destroy()), { code: 'connection', retryable: true }],
  ])('%s is an outcome', async (_title, answer, failure) => {
    expect(await callAgainst(answer, options)).toMatchObject({ type: 'failed', ...failure });
    expect(server?.seen).toHaveLength(1);
  });

  test.each([
    [401, { message: apiKey }, 'auth'],
    [403, { message: 'region' }, 'auth'],
    [402, { message: 'pay' }, 'quota'],
    [429, { message: 'm', code: 'insufficient_quota' }, 'quota'],
  ])('%d %j is thrown as %s', async (status, error, code) => {
    const thrown = await callAgainst((response) => answerJson(response, status, { error }), options);
    expect(thrown).toMatchObject({ name: 'OffpeakError', code });
    expect(String(thrown)).not.toContain(apiKey);
  });

  test('nobody listens; aborted; a redirect', async () => {
    const controller = new AbortController();
    expect(await callAgainst(() => controller.abort(), options, controller.signal)).toMatchObject({ code: 'aborted' });
    const url = server?.url;
    await server?.close();
    const provider = createOpenAIProvider({ apiKey, baseUrl: `${url}/v1`, ...options });
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
  test('OpenAI itself needs one; the message says how', async () => {
    const provider = createOpenAIProvider();
    const signal = new AbortController().signal;
    for (const attempt of [
      provider.check(),
      provider.call(wire, { timeoutMs: 100, signal }),
      provider.batch?.get('b'),
    ]) {
      await expect(attempt).rejects.toMatchObject({ code: 'auth', message: expect.stringContaining('OPENAI_API_KEY') });
    }
  });

  test('a compatible server is sent none, least of all the one of the environment', async () => {
    vi.stubEnv('OPENAI_API_KEY', apiKey);
    vi.stubEnv('OPENAI_ADMIN_KEY', apiKey);
    vi.stubEnv('OPENAI_ORG_ID', 'org-canary');
    vi.stubEnv('OPENAI_CUSTOM_HEADERS', `x-secret: ${apiKey}`);
    server = await startScriptedServer((_, response) =>
      answerJson(response, 200, { data: [{ id: 'm' }, { id: 'n' }] }),
    );
    const provider = createOpenAIProvider({ baseUrl: `${server.url}/v1` });
    expect(await provider.check()).toEqual({ address: `${server.url}/v1`, detail: 'reachable, 2 models' });
    expect(JSON.stringify(server.seen)).not.toMatch(/canary|authorization/i);
  });

  test.each([
    ['node:http', {}],
    ['fetch', { fetch: globalThis.fetch }],
  ])('one with a line break inside is not quoted, over %s', async (_, options) => {
    const provider = createOpenAIProvider({ apiKey: 'sk-canary\n0123456789', ...options });
    const error = await provider.check().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'auth' });
    expect(String(error)).not.toContain('canary');
  });

  test('organization and project are sent', async () => {
    await callAgainst((response) => answerJson(response, 200, good), { organization: 'org-1', project: 'proj-1' });
    expect(server?.seen[0]?.headers).toMatchObject({ 'openai-organization': 'org-1', 'openai-project': 'proj-1' });
  });

  test('the account is the address and the key', () => {
    const account = (options: OpenAIProviderOptions) => createOpenAIProvider(options).account;
    const mine = account({ apiKey, baseUrl: 'https://Example.com/v1' });
    expect(mine).toMatch(/^openai:[0-9a-f]{16}$/);
    expect(account({ apiKey: ` ${apiKey}\n`, baseUrl: 'https://example.com:443/v1/' })).toBe(mine);
    expect(account({ apiKey: 'other', baseUrl: 'https://example.com/v1' })).not.toBe(mine);
    expect(account({ apiKey, baseUrl: 'https://example.org/v1' })).not.toBe(mine);
    const sandbox = (port: number) => account({ scope: 'sandbox', baseUrl: `http://127.0.0.1:${port}/v1` });
    expect(sandbox(1)).toBe(sandbox(2));
  });

  test.each(['ftp://x/v1', 'nonsense', 'https://user:pass@x/v1', 'https://x/v1?key=1'])(
    '%s is no base URL',
    (baseUrl) => {
      expect(() => createOpenAIProvider({ baseUrl })).toThrow(expect.objectContaining({ code: 'config' }));
    },
  );

  test('without batchApi there is none', () => {
    expect(createOpenAIProvider({ batchApi: false })).not.toHaveProperty('batch');
    expect(createOpenAIProvider({ limits: { maxRequests: 5 } }).batch?.limits).toMatchObject({
      maxRequests: 5,
      maxBytes: 200_000_000,
    });
  });
});
