import { afterEach, describe, expect, test } from 'vitest';
import type { RemoteBatch } from '../../provider.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { parseBatch } from './anthropic-api.ts';
import { createAnthropicProvider } from './anthropic-provider.ts';

const apiKey = 'sk-ant-canary-0123456789abcdef';
let server: ScriptedServer | undefined;
afterEach(() => server?.close());

/** Answers by "METHOD path"; each call of a path takes the next answer. */
async function api(script: Record<string, [status: number, body: unknown][]>) {
  server = await startScriptedServer((request, response) => {
    const [status, body] = script[`${request.method} ${request.path}`]?.shift() ?? [500, 'unexpected'];
    answerJson(response, status, body);
  });
  const provider = createAnthropicProvider({ apiKey, baseUrl: server.url, timeouts: { replyMs: 300 } });
  if (!provider.batch) throw new Error('no batch API');
  return { provider, batch: provider.batch };
}

const refusal = (message: string, type = 'invalid_request_error') => ({ type: 'error', error: { type, message } });
const remove = (batch: { remove?(id: string): Promise<void> }, id: string) => batch.remove?.(id);

describe('parseBatch', () => {
  const wire = {
    id: 'msgbatch_1',
    type: 'message_batch',
    processing_status: 'canceling',
    request_counts: { processing: 100, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    created_at: '2026-08-20T18:37:24.100435Z',
    expires_at: '2026-08-21T18:37:24.100435Z',
    ended_at: null,
    cancel_initiated_at: '2026-08-20T18:38:24.100435Z',
    archived_at: null,
    results_url: null,
  };

  test('running, with everything in `processing`', () => {
    expect(parseBatch(wire)).toEqual({
      remoteId: 'msgbatch_1',
      phase: 'running',
      rawStatus: 'canceling',
      resultFileIds: [],
      errors: [],
      counts: { total: 100, succeeded: 0, failed: 0 },
      createdAt: Date.parse('2026-08-20T18:37:24.100Z'),
      expiresAt: Date.parse('2026-08-21T18:37:24.100Z'),
    });
  });

  test('ended: the sum stays the total', () => {
    const counts = { processing: 0, succeeded: 5, errored: 4, canceled: 3, expired: 2 };
    const url = 'https://api.anthropic.com/v1/messages/batches/msgbatch_1/results';
    const ended = { ...wire, processing_status: 'ENDED', request_counts: counts, results_url: url };
    expect(parseBatch({ ...ended, ended_at: '2026-08-20T19:00:00Z' })).toMatchObject({
      phase: 'ended',
      rawStatus: 'ended',
      resultFileIds: [url],
      counts: { total: 14, succeeded: 5, failed: 4 },
      endedAt: Date.parse('2026-08-20T19:00:00Z'),
    });
  });

  test('a word that is not known is no end; without an id it is no batch', () => {
    expect(parseBatch({ id: 'b', processing_status: 'brand_new' })).toMatchObject({ phase: 'running' });
    expect(parseBatch({ id: 'b' })).toEqual({
      remoteId: 'b',
      phase: 'running',
      rawStatus: 'unknown',
      resultFileIds: [],
      errors: [],
    });
    for (const value of [undefined, null, 'x', [], {}, { id: '' }, { id: 7 }])
      expect(parseBatch(value)).toBeUndefined();
  });
});

describe('get, cancel and remove', () => {
  const path = '/v1/messages/batches/b';

  test('404 on a batch names batch and account, and is not a missing batch API', async () => {
    const missing: [number, unknown][] = [[404, refusal('No batch', 'not_found_error')]];
    const { provider, batch } = await api({
      [`GET ${path}`]: [...missing],
      [`POST ${path}/cancel`]: [...missing],
      [`DELETE ${path}`]: [...missing],
    });
    for (const attempt of [batch.get('b'), batch.cancel('b'), remove(batch, 'b')]) {
      const error = await attempt?.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'not_found', message: expect.stringContaining('batch b ') });
      expect(error).toMatchObject({ message: expect.stringContaining(provider.account) });
    }
  });

  test.each([
    [401, refusal(`bad key ${apiKey}`, 'authentication_error'), 'auth'],
    [429, refusal('slow down', 'rate_limit_error'), 'rate_limited'],
    [500, refusal('oops', 'api_error'), 'unavailable'],
    [529, '<html>', 'unavailable'],
    [302, '', 'rejected'],
    [200, { hello: 1 }, 'bad_answer'],
    [200, '{"id":"msgb', 'bad_answer'],
  ])('HTTP %d %j -> %s after one request', async (status, body, code) => {
    const { batch } = await api({ [`GET ${path}`]: [[status, body]] });
    const error = await batch.get('b').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify(error) + String(error)).not.toContain(apiKey);
    expect(server?.seen).toHaveLength(1);
  });

  test('no answer, and an abort', async () => {
    server = await startScriptedServer(() => {});
    const { batch } = createAnthropicProvider({ apiKey, baseUrl: server.url, timeouts: { replyMs: 50 } });
    await expect(batch?.get('b')).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    await expect(batch?.get('b', AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
  });

  test.each([400, 409, 422])('cancel of a batch that has ended answers the batch (HTTP %d)', async (status) => {
    const { batch } = await api({
      [`POST ${path}/cancel`]: [
        [200, { id: 'b', processing_status: 'canceling' }],
        [status, refusal('the batch has ended')],
        [status, refusal('something else')],
      ],
      [`GET ${path}`]: [
        [200, { id: 'b', processing_status: 'ended' }],
        [200, { id: 'b', processing_status: 'in_progress' }],
      ],
    });
    expect(await batch.cancel('b')).toMatchObject({ phase: 'running', rawStatus: 'canceling' });
    expect(await batch.cancel('b')).toMatchObject({ phase: 'ended' });
    await expect(batch.cancel('b')).rejects.toMatchObject({ message: expect.stringContaining('something else') });
  });

  test('remove', async () => {
    const { batch } = await api({
      [`DELETE ${path}`]: [
        [200, { id: 'b', type: 'message_batch_deleted' }],
        [400, refusal('the batch has not ended')],
      ],
    });
    await remove(batch, 'b');
    expect(server?.seen[0]).toMatchObject({ method: 'DELETE', headers: { 'x-api-key': apiKey } });
    await expect(remove(batch, 'b')).rejects.toMatchObject({ code: 'rejected' });
  });

  test('an id is no path', async () => {
    const { batch } = await api({});
    await batch.get('../../models').catch(() => {});
    expect(server?.seen[0]?.path).toBe('/v1/messages/batches/..%2F..%2Fmodels');
  });
});

describe('list', () => {
  const page = (ids: string[], more: Record<string, unknown>) => ({
    data: ids.map((id) => ({ id, processing_status: 'ended' })),
    ...more,
  });
  async function idsOf(list: AsyncIterable<RemoteBatch>) {
    const ids: string[] = [];
    for await (const batch of list) ids.push(batch.remoteId);
    return ids;
  }
  const first = 'GET /v1/messages/batches?limit=1000';

  test('reads to the end, however short the pages are', async () => {
    const { batch } = await api({
      [first]: [[200, page(['a', 'b'], { has_more: true, last_id: 'b' })]],
      [`${first}&after_id=b`]: [[200, page(['c'], { has_more: true })]],
      [`${first}&after_id=c`]: [[200, page([], { has_more: false, last_id: null })]],
    });
    expect(await idsOf(batch.list())).toEqual(['a', 'b', 'c']);
  });

  test('a server that refuses such long pages is asked for shorter ones', async () => {
    const short = 'GET /v1/messages/batches?limit=20';
    const { batch } = await api({
      [first]: [[400, refusal('limit: Input should be less than or equal to 100')]],
      [short]: [[200, page(['a'], { has_more: true, last_id: 'a' })]],
      [`${short}&after_id=a`]: [[200, page(['b'], { has_more: false })]],
    });
    expect(await idsOf(batch.list())).toEqual(['a', 'b']);
  });

  test('without has_more only an empty page is the end', async () => {
    const { batch } = await api({
      [first]: [[200, page(['a'], {})]],
      [`${first}&after_id=a`]: [[200, page([], {})]],
    });
    expect(await idsOf(batch.list())).toEqual(['a']);
  });

  test.each<[string, [number, unknown], string]>([
    ['a page that fails', [500, {}], 'unavailable'],
    ['a page that is refused', [400, refusal('limit of the account')], 'unavailable'],
    ['a cursor that stands still', [200, page(['b'], { has_more: true, last_id: 'a' })], 'bad_answer'],
    ['an empty page with more behind it', [200, page([], { has_more: true })], 'bad_answer'],
    ['a page of HTML', [200, '<html>'], 'bad_answer'],
    ['a page without data', [200, { has_more: false }], 'bad_answer'],
    ['an entry without id', [200, { data: [{ processing_status: 'x' }], has_more: false }], 'bad_answer'],
  ])('%s never looks complete', async (_, second, code) => {
    const { batch } = await api({
      [first]: [[200, page(['a'], { has_more: true, last_id: 'a' })]],
      [`${first}&after_id=a`]: [second],
    });
    await expect(idsOf(batch.list())).rejects.toMatchObject({ code });
  });
});
