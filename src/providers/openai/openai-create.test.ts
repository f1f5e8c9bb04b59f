import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { OffpeakError } from '../../errors.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createOpenAIProvider } from './openai-provider.ts';

const apiKey = 'sk-canary-0123456789abcdef';
const input = {
  fileId: 'file-1',
  endpoint: '/v1/chat/completions',
  nonce: 'abcdefghij',
  bytes: 20,
  async *requests() {
    yield { customId: 'a', body: '{"model":"m"}' };
  },
};
const created = { id: 'batch_1', object: 'batch', status: 'validating', metadata: { offpeak_submit: 'abcdefghij' } };

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

async function createAgainst(
  answer: (response: ServerResponse) => void,
  signal?: AbortSignal,
  fetch?: typeof globalThis.fetch,
) {
  server = await startScriptedServer((_, response) => answer(response));
  const timeouts = { replyMs: 300, idleMs: 300 };
  const provider = createOpenAIProvider({ apiKey, baseUrl: `${server.url}/v1`, timeouts, ...(fetch ? { fetch } : {}) });
  return provider.batch?.create(signal ? { ...input, signal } : input).catch((error: unknown) => error);
}

const posts = () => server?.seen.filter((request) => request.method === 'POST').length;

describe('one POST, whatever happens', () => {
  const html = '<html><body>sk-canary-0123456789abcdef</body></html>';
  const cases: [string, (response: ServerResponse) => void][] = [
    ['reset', (response) => response.socket?.resetAndDestroy()],
    ['hang-up', (response) => response.destroy()],
    ['408', (response) => answerJson(response, 408, { error: { message: 'slow' } })],
    ['409', (response) => answerJson(response, 409, { error: { message: 'conflict' } })],
    ['500 with HTML', (response) => response.writeHead(500, { 'content-type': 'text/html' }).end(html)],
    ['502', (response) => response.writeHead(502).end()],
    [
      '503 that asks for a retry',
      (response) => answerJson(response, 503, {}, { 'x-should-retry': 'true', 'retry-after': '0' }),
    ],
    ['stall before the head', () => {}],
    [
      'stall inside the body',
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{"id":'),
    ],
    ['reply cut mid-JSON', (response) => answerJson(response, 200, '{"id":"batch_1","obj')],
    [
      'reply shorter than announced',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '900' });
        response.write('{"id":"batch_1"', () => response.destroy());
      },
    ],
    ['200 with HTML', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html)],
    ['200 without id', (response) => answerJson(response, 200, { object: 'batch' })],
    ['204', (response) => response.writeHead(204).end()],
    ['no HTTP at all', (response) => void response.socket?.end('garbage\r\n\r\n')],
    ['redirect', (response) => response.writeHead(307, { location: 'http://127.0.0.1:9/steal' }).end()],
  ];
  for (const [title, answer] of cases) {
    test.each([
      ['node:http', undefined],
      ['fetch', globalThis.fetch],
    ])(`${title} over %s: outcome_unknown`, async (_, fetch) => {
      const error = await createAgainst(answer, undefined, fetch);
      expect(error).toBeInstanceOf(OffpeakError);
      expect(error).toMatchObject({ code: 'outcome_unknown' });
      expect(String(error)).not.toContain(apiKey);
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(posts()).toBe(1);
    });
  }

  test('our own abort after the request was sent', async () => {
    const controller = new AbortController();
    const error = await createAgainst(() => controller.abort(), controller.signal);
    expect(error).toMatchObject({ code: 'outcome_unknown' });
    expect(posts()).toBe(1);
  });

  test('an abort before anything was sent', async () => {
    expect(await createAgainst(() => {}, AbortSignal.abort())).toMatchObject({ code: 'aborted' });
    expect(posts()).toBe(0);
  });

  test.each([
    ['node:http', undefined],
    ['fetch', globalThis.fetch],
  ])('nobody listens, over %s: unavailable', async (_, fetch) => {
    const gone = await startScriptedServer(() => {});
    await gone.close();
    const provider = createOpenAIProvider({ apiKey, baseUrl: `${gone.url}/v1`, ...(fetch ? { fetch } : {}) });
    await expect(provider.batch?.create(input)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    const nowhere = createOpenAIProvider({ apiKey, baseUrl: 'http://nowhere.invalid/v1', ...(fetch ? { fetch } : {}) });
    await expect(nowhere.batch?.create(input)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
  });
});

describe('answers that say what happened', () => {
  test('created', async () => {
    expect(await createAgainst((response) => answerJson(response, 200, created))).toMatchObject({
      remoteId: 'batch_1',
      phase: 'running',
      nonce: 'abcdefghij',
    });
    expect(JSON.parse(server?.seen[0]?.body ?? '')).toEqual({
      input_file_id: 'file-1',
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { offpeak_submit: 'abcdefghij' },
    });
    expect(server?.seen[0]?.headers.authorization).toBe(`Bearer ${apiKey}`);
  });

  test('created, by a server that forgot the content type', async () => {
    expect(await createAgainst((response) => response.end(JSON.stringify(created)))).toMatchObject({
      remoteId: 'batch_1',
    });
  });

  test.each([
    [400, { message: 'Cannot find file file-1, or organization org-1 does not have access to it.' }, 'not_ready', true],
    [404, { message: 'No such File object: file-1' }, 'not_ready', true],
    [404, { message: 'Not Found' }, 'batch_unavailable', false],
    [400, { message: 'bad window', code: 'invalid_value' }, 'rejected', false],
    [413, { message: 'too large' }, 'rejected', false],
    [401, { message: `Incorrect API key provided: ${apiKey}.`, code: 'invalid_api_key' }, 'auth', false],
    [403, { message: 'region' }, 'auth', false],
    [402, { message: 'pay' }, 'quota', false],
    [429, { message: 'You exceeded your current quota', code: 'insufficient_quota' }, 'quota', false],
    [429, { message: 'You exceeded your current quota, please check your plan and billing details.' }, 'quota', false],
    [400, { message: 'Billing hard limit has been reached', code: 'billing_hard_limit_reached' }, 'quota', false],
    [429, { message: 'See your plan and billing details.', code: 'rate_limit_exceeded' }, 'rate_limited', true],
    [
      429,
      {
        message: 'Rate limit reached. Add a payment method at https://platform.openai.com/account/billing.',
        code: 'rate_limit_exceeded',
      },
      'rate_limited',
      true,
    ],
  ])('HTTP %d %j -> %s', async (status, error, code, retryable) => {
    const thrown = await createAgainst((response) => answerJson(response, status, { error }, { 'retry-after': '2' }));
    expect(thrown).toMatchObject({ code, retryable, retryAfterMs: 2000 });
    expect(String(thrown)).not.toContain(apiKey);
    expect(posts()).toBe(1);
  });

  test('a queue that is full at once: nothing was created, and the limit is told', async () => {
    const message = 'Enqueued token limit reached for the deployment x. Limit: 90,000 enqueued tokens.';
    const error = { message, code: 'token_limit_exceeded' };
    const thrown = await createAgainst((response) => answerJson(response, 400, { error }));
    expect(thrown).toMatchObject({ code: 'no_room', retryable: true, limit: 90_000 });
    expect(posts()).toBe(1);
  });
});
