import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { OffpeakError } from '../../errors.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createGeminiProvider } from './gemini-provider.ts';

const apiKey = 'AIzaCanary0123456789abcdefghijklmnop';
async function* requests() {
  yield { customId: 'a', body: '{}' };
}
const endpoint = '/v1beta/models/gemini-2.5-flash:generateContent';
const input = { fileId: 'files/abc123', endpoint, nonce: 'abcdefghij', requests, bytes: 30 };
const created = {
  name: 'batches/b1',
  metadata: { state: 'BATCH_STATE_PENDING', displayName: 'offpeak-abcdefghij', model: 'models/gemini-2.5-flash' },
};

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

async function createAgainst(
  answer: (response: ServerResponse) => void,
  signal?: AbortSignal,
  fetch?: typeof globalThis.fetch,
  replyMs = 5000,
) {
  server = await startScriptedServer((_, response) => answer(response));
  const timeouts = { replyMs };
  const provider = createGeminiProvider({ apiKey, baseUrl: server.url, timeouts, ...(fetch ? { fetch } : {}) });
  return provider.batch?.create(signal ? { ...input, signal } : input).catch((error: unknown) => error);
}

const posts = () => server?.seen.filter((request) => request.method === 'POST').length;

describe('one POST, whatever happens', () => {
  const html = `<html><body>${apiKey}</body></html>`;
  const cases: [string, (response: ServerResponse) => void][] = [
    ['reset', (response) => response.socket?.resetAndDestroy()],
    ['hang-up', (response) => response.destroy()],
    ['408', (response) => answerJson(response, 408, { error: { message: 'slow' } })],
    ['409', (response) => answerJson(response, 409, { error: { message: 'conflict', status: 'ABORTED' } })],
    ['499', (response) => answerJson(response, 499, { error: { message: 'cancelled', status: 'CANCELLED' } })],
    ['500 with HTML', (response) => response.writeHead(500, { 'content-type': 'text/html' }).end(html)],
    ['502', (response) => response.writeHead(502).end()],
    ['503', (response) => answerJson(response, 503, { error: { status: 'UNAVAILABLE' } }, { 'retry-after': '0' })],
    ['504', (response) => answerJson(response, 504, { error: { status: 'DEADLINE_EXCEEDED' } })],
    ['stall before the head', () => {}],
    [
      'stall inside the body',
      (response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{"name":'),
    ],
    ['reply cut mid-JSON', (response) => answerJson(response, 200, '{"name":"batches/b1","meta')],
    [
      'reply shorter than announced',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '900' });
        response.write('{"name":"batches/b1"', () => response.destroy());
      },
    ],
    ['200 with HTML', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html)],
    ['200 without name', (response) => answerJson(response, 200, { metadata: {} })],
    ['200 with an error inside', (response) => answerJson(response, 200, { error: { code: 400, message: 'm' } })],
    ['204', (response) => response.writeHead(204).end()],
    ['no HTTP at all', (response) => void response.socket?.end('garbage\r\n\r\n')],
    ['redirect', (response) => response.writeHead(307, { location: 'http://127.0.0.1:9/steal' }).end()],
  ];
  for (const [title, answer] of cases) {
    test.each([
      ['node:http', undefined],
      ['fetch', globalThis.fetch],
    ])(`${title} over %s: outcome_unknown`, async (_, fetch) => {
      const error = await createAgainst(answer, undefined, fetch, title.startsWith('stall') ? 300 : 5000);
      expect(error).toBeInstanceOf(OffpeakError);
      expect(error).toMatchObject({ code: 'outcome_unknown' });
      expect(String(error)).not.toContain(apiKey);
      // A second POST, if there were one, would be on its way by now.
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
    const provider = createGeminiProvider({ apiKey, baseUrl: gone.url, ...(fetch ? { fetch } : {}) });
    await expect(provider.batch?.create(input)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
  });
});

describe('answers that say what happened', () => {
  test('created', async () => {
    expect(await createAgainst((response) => answerJson(response, 200, created))).toMatchObject({
      remoteId: 'batches/b1',
      phase: 'running',
      rawStatus: 'pending',
      nonce: 'abcdefghij',
      model: 'gemini-2.5-flash',
    });
    const [seen] = server?.seen ?? [];
    expect(seen?.path).toBe('/v1beta/models/gemini-2.5-flash:batchGenerateContent');
    expect(JSON.parse(seen?.body ?? '')).toEqual({
      batch: { displayName: 'offpeak-abcdefghij', inputConfig: { fileName: 'files/abc123' } },
    });
    expect(seen?.headers['x-goog-api-key']).toBe(apiKey);
  });

  const retryInfo = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.5s' }];
  const quotaFailure = (quotaId: string, quotaValue?: string) => [
    { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId, quotaValue }] },
  ];
  const help = [{ '@type': 'type.googleapis.com/google.rpc.Help', links: [{ url: 'https://ai.google.dev/' }] }];
  const usual = 'You exceeded your current quota, please check your plan and billing details.';
  const enqueued = 'Batch limit reached. Limit: 3,000,000 enqueued tokens.';

  test.each<[number, Record<string, unknown>, Record<string, unknown>]>([
    [429, { message: usual, status: 'RESOURCE_EXHAUSTED', details: help }, { code: 'no_room', retryable: true }],
    [429, { message: usual, details: retryInfo }, { code: 'rate_limited', retryAfterMs: 34_500, limit: undefined }],
    [429, { message: enqueued }, { code: 'no_room', limit: 3_000_000 }],
    [429, { message: enqueued, details: retryInfo }, { code: 'no_room', limit: 3_000_000, retryAfterMs: 34_500 }],
    [
      429,
      { message: usual, details: [...quotaFailure('BatchEnqueuedTokensPerModel', '5000000'), ...retryInfo] },
      { code: 'no_room', limit: 5_000_000 },
    ],
    [429, { message: 'Too many concurrent batch jobs: limit 100' }, { code: 'no_room', limit: undefined }],
    [429, { message: usual, details: quotaFailure('BatchRequests-FreeTier', '0') }, { code: 'quota' }],
    [429, { message: 'Your project has exceeded its monthly spending cap.' }, { code: 'quota', retryable: false }],
    [402, { message: 'pay' }, { code: 'quota' }],
    [400, { message: 'Please enable billing on project 7', status: 'FAILED_PRECONDITION' }, { code: 'quota' }],
    [
      400,
      { message: 'User location is not supported for the API use.', status: 'FAILED_PRECONDITION' },
      { code: 'auth', message: expect.stringContaining('region') },
    ],
    [
      400,
      { message: `API key not valid: ${apiKey}`, details: [{ reason: 'API_KEY_INVALID' }] },
      { code: 'auth', retryable: false },
    ],
    [401, { message: 'no' }, { code: 'auth' }],
    [403, { message: 'The caller does not have permission', status: 'PERMISSION_DENIED' }, { code: 'auth' }],
    [403, { message: 'You may not use file uploads', details: [{ reason: 'SERVICE_DISABLED' }] }, { code: 'auth' }],
    [404, { message: 'File files/abc123 was not found.' }, { code: 'not_ready', retryable: true }],
    [
      403,
      { message: 'You do not have permission to access the File abc123 or it may not exist.' },
      { code: 'not_ready' },
    ],
    [400, { message: 'The File abc123 is not in an ACTIVE state and usage is not allowed.' }, { code: 'not_ready' }],
    [404, { message: 'models/x is not found for API version v1beta' }, { code: 'rejected', retryable: false }],
    [404, { message: 'Requested entity was not found.' }, { code: 'batch_unavailable' }],
    [405, { message: 'no' }, { code: 'batch_unavailable' }],
    [501, { message: 'no' }, { code: 'batch_unavailable' }],
    [400, { message: 'bad name', status: 'INVALID_ARGUMENT' }, { code: 'rejected' }],
    [413, { message: 'too large' }, { code: 'rejected' }],
  ])('HTTP %d %j -> %j', async (status, error, expected) => {
    const thrown = await createAgainst((response) =>
      answerJson(response, status, { error: { code: status, ...error } }),
    );
    expect(thrown).toBeInstanceOf(OffpeakError);
    expect(thrown).toMatchObject(expected);
    expect(String(thrown)).not.toContain(apiKey);
    expect(posts()).toBe(1);
  });

  test('a key of another kind of account is not quoted either', async () => {
    const other = 'AIzaSyOther0123456789abcdefghijklmnopqr';
    const error = { message: `Quota exceeded for ${other}, see https://x/?key=${apiKey}&a=b` };
    const thrown = String(await createAgainst((response) => answerJson(response, 400, { error })));
    expect(thrown).not.toContain(other);
    expect(thrown).not.toContain(apiKey);
    expect(thrown).toContain('Quota exceeded');
  });
});
