import { afterEach, describe, expect, test } from 'vitest';
import type { RemoteBatch } from '../../provider.ts';
import { openaiProfile } from '../openai-profile.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { parseBatch as parseWith } from './openai-api.ts';
import { createOpenAIProvider } from './openai-provider.ts';

const apiKey = 'sk-canary-0123456789abcdef';
const parseBatch = (value: unknown) => parseWith(value, openaiProfile.batch.object);
let server: ScriptedServer | undefined;
afterEach(() => server?.close());

/** Answers by "METHOD path"; each call of a path takes the next answer. */
async function api(script: Record<string, [status: number, body: unknown][]>) {
  server = await startScriptedServer((request, response) => {
    const [status, body] = script[`${request.method} ${request.path}`]?.shift() ?? [500, 'unexpected'];
    answerJson(response, status, body);
  });
  const provider = createOpenAIProvider({ apiKey, baseUrl: `${server.url}/v1`, timeouts: { replyMs: 300 } });
  if (!provider.batch) throw new Error('no batch API');
  return { provider, batch: provider.batch };
}

describe('parseBatch', () => {
  // Recorded in January 2025 (curator).
  const recorded = {
    id: 'batch_6780bb2f8f6c8190a6c0abfb8502bba6',
    object: 'batch',
    endpoint: '/v1/chat/completions',
    errors: null,
    input_file_id: 'file-TnjeSoqJGFp7SfehYrEuHH',
    completion_window: '24h',
    status: 'completed',
    output_file_id: 'file-GykDwPni5UjeQEo2wkgrh7',
    error_file_id: null,
    created_at: 1736489775,
    in_progress_at: 1736489776,
    expires_at: 1736576175,
    finalizing_at: 1736489782,
    completed_at: 1736489783,
    failed_at: null,
    request_counts: { total: 3, completed: 3, failed: 0 },
    metadata: { request_file: 'requests_0.jsonl' },
  };

  test('recorded', () => {
    expect(parseBatch(recorded)).toEqual({
      remoteId: 'batch_6780bb2f8f6c8190a6c0abfb8502bba6',
      phase: 'ended',
      rawStatus: 'completed',
      resultFileIds: ['file-GykDwPni5UjeQEo2wkgrh7'],
      errors: [],
      counts: { total: 3, succeeded: 3, failed: 0 },
      inputFileId: 'file-TnjeSoqJGFp7SfehYrEuHH',
      createdAt: 1736489775000,
      endedAt: 1736489783000,
      expiresAt: 1736576175000,
    });
  });

  test.each([
    ['validating', 'running'],
    ['In_Progress', 'running'],
    ['finalizing', 'running'],
    ['cancelling', 'running'],
    ['brand_new', 'running'],
    ['failed', 'refused'],
    ['COMPLETED', 'ended'],
    ['expired', 'ended'],
    ['cancelled', 'ended'],
  ])('%s is %s', (status, phase) => {
    const bare = { ...recorded, output_file_id: null, request_counts: null, status };
    expect(parseBatch(bare)).toMatchObject({ phase, rawStatus: status.toLowerCase() });
  });

  test.each(['completed', 'expired', 'cancelled'])('a batch that is %s has both its files: they are paid', (status) => {
    const files = { output_file_id: 'file-out', error_file_id: 'file-err' };
    expect(parseBatch({ ...recorded, ...files, status })?.resultFileIds).toEqual(['file-out', 'file-err']);
  });

  test('variants of compatible servers', () => {
    expect(parseBatch({ id: 'b', status: 'completed', output_file_id: '', error_file_id: 'e' })?.resultFileIds).toEqual(
      ['e'],
    );
    expect(parseBatch({ id: 'b', created_at: '2026-11-20T12:00:00Z' })?.createdAt).toBe(
      Date.parse('2026-11-20T12:00:00Z'),
    );
    const errors = { data: [{ code: 'invalid_json_line', line: 2, message: 'm', param: null }, { line: null }, 'x'] };
    expect(parseBatch({ id: 'b', status: 'failed', errors })?.errors).toEqual([
      { code: 'invalid_request', message: 'm (invalid_json_line)', line: 2 },
      { code: 'unknown', message: '' },
    ]);
    for (const value of [undefined, null, 'x', [], {}, { id: '' }, { id: 7 }])
      expect(parseBatch(value)).toBeUndefined();
  });
});

describe('refusals', () => {
  const failed = (...data: Record<string, unknown>[]) =>
    parseBatch({ id: 'b', status: 'failed', errors: { object: 'list', data } });
  const full =
    'Enqueued token limit reached for gpt-4o-mini in organization org-1. Limit: 2,000,000 enqueued tokens. Please try again once some in_progress batches have been completed.';

  test('a full queue names its limit', () => {
    const refused = failed({ code: 'token_limit_exceeded', message: full, line: null, param: null });
    expect(refused).toMatchObject({ phase: 'refused', refusal: 'no_room', limit: 2_000_000 });
    const wordless = failed({ code: 'token_limit_exceeded', message: 'full' });
    expect(wordless).toMatchObject({ refusal: 'no_room' });
    expect(wordless).not.toHaveProperty('limit');
  });

  test.each([
    ['rows', { code: 'missing_required_parameter', message: 'm', line: 3 }],
    ['batch', { code: 'model_not_found', message: 'm', line: 1 }],
    ['file_missing', { code: 'invalid_request', message: 'Cannot find file file-1, or ...', line: null }],
  ])('%s', (refusal, error) => {
    const refused = failed(error);
    expect(refused).toMatchObject({ phase: 'refused', refusal, errors: [{ code: 'invalid_request' }] });
    expect(refused?.errors[0]?.message).toContain(error.code === 'invalid_request' ? error.message : error.code);
  });

  test('what has results has run, whatever it is called: its rows must not be sent again', () => {
    const base = { id: 'b', status: 'FAILED' };
    expect(parseBatch({ ...base, output_file_id: 'o' })?.phase).toBe('ended');
    expect(parseBatch({ ...base, request_counts: { total: 3, completed: 1, failed: 2 } })?.phase).toBe('ended');
    expect(parseBatch({ ...base, request_counts: { total: 3, completed: 0, failed: 3 } })?.phase).toBe('refused');
  });

  test('the model of a batch', () => {
    expect(parseBatch({ id: 'b', model: 'gpt-5-2025-08-07' })?.model).toBe('gpt-5-2025-08-07');
    expect(parseBatch({ id: 'b', model: null })).not.toHaveProperty('model');
  });
});

describe('get and cancel', () => {
  test('404 on a batch names batch and account, and is not a missing batch API', async () => {
    const { provider, batch } = await api({
      'GET /v1/batches/batch_9': [[404, { error: { message: 'No batch found' } }]],
    });
    const error = await batch.get('batch_9').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'not_found', message: expect.stringContaining('batch_9') });
    expect(error).toMatchObject({ message: expect.stringContaining(provider.account) });
  });

  test.each([
    [401, { error: { message: `bad key ${apiKey}` } }, 'auth'],
    [429, { error: { message: 'slow down' } }, 'rate_limited'],
    [500, { error: { message: 'oops' } }, 'unavailable'],
    [200, { hello: 1 }, 'bad_answer'],
    [200, '{"id":"bat', 'bad_answer'],
  ])('HTTP %d %j -> %s after one request', async (status, body, code) => {
    const { batch } = await api({ 'GET /v1/batches/b': [[status, body]] });
    const error = await batch.get('b').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(JSON.stringify(error) + String(error)).not.toContain(apiKey);
    expect(server?.seen).toHaveLength(1);
  });

  test('cancel of a batch that has ended answers the batch', async () => {
    const { batch } = await api({
      'POST /v1/batches/b/cancel': [
        [200, { id: 'b', status: 'cancelling' }],
        [409, { error: { message: "Cannot cancel a batch with status 'completed'." } }],
        [404, {}],
      ],
      'GET /v1/batches/b': [[200, { id: 'b', status: 'completed', output_file_id: 'o' }]],
    });
    expect(await batch.cancel('b')).toMatchObject({ phase: 'running', rawStatus: 'cancelling' });
    expect(await batch.cancel('b')).toMatchObject({ phase: 'ended', resultFileIds: ['o'] });
    await expect(batch.cancel('b')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a cancel that is refused with 400 is believed only when the batch has ended', async () => {
    const { batch } = await api({
      'POST /v1/batches/b/cancel': [
        [400, { error: { message: 'already over' } }],
        [400, { error: { message: 'not now' } }],
      ],
      'GET /v1/batches/b': [
        [200, { id: 'b', status: 'completed' }],
        [200, { id: 'b', status: 'in_progress' }],
      ],
    });
    expect(await batch.cancel('b')).toMatchObject({ phase: 'ended' });
    await expect(batch.cancel('b')).rejects.toMatchObject({ code: 'rejected' });
  });
});

describe('list', () => {
  const page = (ids: string[], more: Record<string, unknown>) => ({
    data: ids.map((id) => ({ id, status: 'completed' })),
    ...more,
  });
  async function idsOf(list: AsyncIterable<RemoteBatch>) {
    const ids: string[] = [];
    for await (const batch of list) ids.push(batch.remoteId);
    return ids;
  }
  const first = 'GET /v1/batches?limit=100';

  test('reads to the end', async () => {
    const { batch } = await api({
      [first]: [[200, page(['a', 'b'], { has_more: true, last_id: 'b' })]],
      [`${first}&after=b`]: [[200, page(['c'], { has_more: true })]],
      [`${first}&after=c`]: [[200, page([], { has_more: false, last_id: null })]],
    });
    expect(await idsOf(batch.list())).toEqual(['a', 'b', 'c']);
  });

  test('without has_more only an empty page is the end', async () => {
    const { batch } = await api({
      [first]: [[200, page(['a'], {})]],
      [`${first}&after=a`]: [[200, page([], {})]],
    });
    expect(await idsOf(batch.list())).toEqual(['a']);
  });

  test.each<[string, [number, unknown], string]>([
    ['a page that fails', [500, {}], 'unavailable'],
    ['a cursor that stands still', [200, page(['b'], { has_more: true, last_id: 'a' })], 'bad_answer'],
    ['an empty page with more behind it', [200, page([], { has_more: true })], 'bad_answer'],
    ['a page of HTML', [200, '<html>'], 'bad_answer'],
    ['a page without data', [200, { has_more: false }], 'bad_answer'],
    ['an entry without id', [200, { data: [{ status: 'x' }], has_more: false }], 'bad_answer'],
  ])('%s never looks complete', async (_, second, code) => {
    const { batch } = await api({
      [first]: [[200, page(['a'], { has_more: true, last_id: 'a' })]],
      [`${first}&after=a`]: [second],
    });
    await expect(idsOf(batch.list())).rejects.toMatchObject({ code });
  });
});
