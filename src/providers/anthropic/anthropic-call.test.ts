import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { type AnthropicProviderOptions, createAnthropicProvider } from './anthropic-provider.ts';

const apiKey = 'sk-ant-canary-0123456789abcdef';
let server: ScriptedServer | undefined;
afterEach(async () => {
  vi.unstubAllEnvs();
  await server?.close();
});

const wire = { endpoint: '/v1/messages', body: '{"model":"m", "n":12345678901234567890}' };
const good = { type: 'message', content: [{ type: 'text', text: 'hi' }], stop_reason: 'end_turn' };
const refusal = (type: string, message = 'm', details?: unknown) => ({
  type: 'error',
  error: { type, message, details },
});

async function callAgainst(
  answer: (response: ServerResponse) => void,
  options: AnthropicProviderOptions = {},
  signal?: AbortSignal,
  endpoint = wire.endpoint,
) {
  server = await startScriptedServer((_, response) => answer(response));
  const provider = createAnthropicProvider({ apiKey, baseUrl: server.url, ...options });
  const callOptions = { timeoutMs: 300, signal: signal ?? new AbortController().signal };
  return provider.call({ ...wire, endpoint }, callOptions).catch((error: unknown) => error);
}

describe.each([
  ['node:http', {}],
  ['fetch', { fetch: globalThis.fetch }],
])('call over %s', (_, options) => {
  test('sends the exact text, with the version that the endpoint stands for', async () => {
    const outcome = await callAgainst((response) => answerJson(response, 200, good), options);
    expect(outcome).toEqual({ type: 'succeeded', output: 'hi', finishReason: 'end_turn' });
    expect(server?.seen).toMatchObject([{ method: 'POST', path: '/v1/messages', body: wire.body }]);
    expect(server?.seen[0]?.headers).toMatchObject({ 'anthropic-version': '2026-10-21', 'x-api-key': apiKey });
    await server?.close();
    const old = '/v1/messages?version=2023-06-01';
    await callAgainst((response) => answerJson(response, 200, good), options, undefined, old);
    expect(server?.seen).toMatchObject([{ path: '/v1/messages', headers: { 'anthropic-version': '2023-06-01' } }]);
  });

  test('what is more than text is kept as it came', async () => {
    const text = '{"content":[ {"type":"tool_use","input":{"n":12345678901234567890}} ],"stop_reason":"tool_use"}';
    expect(await callAgainst((response) => answerJson(response, 200, text), options)).toMatchObject({ response: text });
  });

  test.each<[string, (response: ServerResponse) => void, Record<string, unknown>]>([
    [
      '400',
      (r) => answerJson(r, 400, refusal('invalid_request_error', 'max_tokens: too high')),
      { code: 'invalid_request', message: 'invalid_request_error: max_tokens: too high', retryable: false },
    ],
    [
      '400 of a field that is named like a limit',
      (r) => answerJson(r, 400, refusal('invalid_request_error', 'tools.0.name: no spend limit')),
      { code: 'invalid_request', retryable: false },
    ],
    ['404', (r) => answerJson(r, 404, refusal('not_found_error', 'model: x')), { code: 'invalid_request' }],
    ['413', (r) => r.writeHead(413).end('<html>'), { code: 'too_large', message: 'an HTML page', retryable: false }],
    ['418', (r) => answerJson(r, 418, {}), { code: 'http_418', retryable: false }],
    [
      '429',
      (r) => answerJson(r, 429, refusal('rate_limit_error'), { 'retry-after': '3' }),
      { code: 'rate_limited', retryable: true, retryAfterMs: 3000 },
    ],
    ['500', (r) => answerJson(r, 500, refusal('api_error')), { code: 'overloaded', retryable: true }],
    ['504', (r) => answerJson(r, 504, refusal('timeout_error')), { code: 'timeout', retryable: true }],
    ['529', (r) => r.writeHead(529).end('<html>'), { code: 'overloaded', message: 'an HTML page', retryable: true }],
    ['an unknown type', (r) => answerJson(r, 503, refusal('new_error')), { code: 'new_error', retryable: true }],
    ['200 with HTML', (r) => r.end('<html>'), { code: 'malformed', retryable: true }],
    ['stall', () => {}, { code: 'timeout', retryable: true }],
    ['stall inside the body', (r) => void r.write('{"content":'), { code: 'timeout', retryable: true }],
    ['reset', (r) => r.socket?.resetAndDestroy(), { code: 'connection', retryable: true }],
    ['cut', (r) => void r.write('{', () => r.destroy()), { code: 'connection', retryable: true }],
  ])('%s is an outcome', async (_title, answer, failure) => {
    expect(await callAgainst(answer, options)).toMatchObject({ type: 'failed', ...failure });
    expect(server?.seen).toHaveLength(1);
  });

  test.each([
    [401, refusal('authentication_error', apiKey), 'auth'],
    [403, refusal('permission_error', 'region'), 'auth'],
    [402, refusal('billing_error', 'pay'), 'quota'],
    [400, refusal('invalid_request_error', 'Your credit balance is too low'), 'quota'],
    [429, refusal('rate_limit_error', 'm', { error_code: 'enforced_spend_limit_reached' }), 'quota'],
  ])('%d %j is thrown as %s', async (status, body, code) => {
    const thrown = await callAgainst((response) => answerJson(response, status, body), options);
    expect(thrown).toMatchObject({ name: 'OffpeakError', code });
    expect(String(thrown)).not.toContain(apiKey);
  });

  test('nobody listens; aborted; a redirect', async () => {
    const controller = new AbortController();
    expect(await callAgainst(() => controller.abort(), options, controller.signal)).toMatchObject({ code: 'aborted' });
    const url = server?.url ?? '';
    await server?.close();
    const provider = createAnthropicProvider({ apiKey, baseUrl: url, ...options });
    const gone = provider.call(wire, { timeoutMs: 300, signal: new AbortController().signal });
    await expect(gone).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    const other = await startScriptedServer((_request, response) => answerJson(response, 200, good));
    const moved = await callAgainst((response) => response.writeHead(307, { location: other.url }).end(), options);
    expect(moved).not.toMatchObject({ type: 'succeeded' });
    expect(other.seen).toHaveLength(0);
    await other.close();
  });
});

describe('check', () => {
  async function check(status: number, body: unknown, options: AnthropicProviderOptions = {}) {
    server = await startScriptedServer((_, response) => answerJson(response, status, body));
    return createAnthropicProvider({ apiKey, baseUrl: server.url, ...options }).check();
  }

  test('lists one model', async () => {
    const answer = await check(200, { data: [{ id: 'm' }] });
    expect(answer).toEqual({ address: server?.url, detail: 'reachable, the key is accepted' });
    expect(server?.seen).toMatchObject([{ method: 'GET', path: '/v1/models?limit=1' }]);
  });

  test('a gateway without a list of models is reachable; something else is not', async () => {
    expect((await check(404, refusal('not_found_error'))).detail).toMatch(/not tried/);
    await server?.close();
    await expect(check(404, '<html>')).rejects.toMatchObject({ code: 'rejected' });
    await server?.close();
    await expect(check(401, refusal('authentication_error'))).rejects.toMatchObject({ code: 'auth' });
  });
});

describe('keys', () => {
  test('Anthropic itself needs one; the message says how', async () => {
    const provider = createAnthropicProvider();
    const signal = new AbortController().signal;
    for (const attempt of [
      provider.check(),
      provider.call(wire, { timeoutMs: 100, signal }),
      provider.batch?.get('b'),
    ]) {
      const message = expect.stringContaining('ANTHROPIC_API_KEY');
      await expect(attempt).rejects.toMatchObject({ code: 'auth', message });
    }
  });

  test('another server is sent none, least of all the one of the environment', async () => {
    vi.stubEnv('ANTHROPIC_API_KEY', apiKey);
    vi.stubEnv('ANTHROPIC_AUTH_TOKEN', apiKey);
    server = await startScriptedServer((_, response) => answerJson(response, 200, { data: [] }));
    await createAnthropicProvider({ baseUrl: server.url }).check();
    expect(JSON.stringify(server.seen)).not.toMatch(/canary|authorization|x-api-key/i);
  });

  test.each([
    ['node:http', {}],
    ['fetch', { fetch: globalThis.fetch }],
  ])('one with a line break inside is not quoted, over %s', async (_, options) => {
    const provider = createAnthropicProvider({ apiKey: 'sk-canary\n0123456789', ...options });
    const error = await provider.check().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'auth' });
    expect(String(error)).not.toContain('canary');
  });

  test('the workspace is sent', async () => {
    await callAgainst((response) => answerJson(response, 200, good), { workspace: 'wrkspc_1' });
    expect(server?.seen[0]?.headers).toMatchObject({ 'anthropic-workspace-id': 'wrkspc_1' });
  });
});
