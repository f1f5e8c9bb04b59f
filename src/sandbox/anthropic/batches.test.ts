import { afterEach, describe, expect, test } from 'vitest';
import type { SandboxOptions } from '../sandbox.ts';
import type { Json } from '../test-client.ts';
import {
  type AnthropicTestClient,
  BATCHES,
  errorOf,
  messageOf,
  messageRow,
  messageRows,
  openAnthropicClient,
  resultOf,
} from './test-client.ts';

const HOUR_MS = 3_600_000;
let opened: AnthropicTestClient;
const open = async (options: Partial<SandboxOptions> = {}): Promise<AnthropicTestClient> => {
  opened = await openAnthropicClient(options);
  return opened;
};
afterEach(() => opened.client.close());

const typesOf = (results: readonly Json[]): unknown[] => results.map((line) => resultOf(line).type);
const NO_COUNTS = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };

describe('create', () => {
  const refused = async (body: unknown): Promise<[number, string]> => {
    const { status, json } = await opened.call('POST', BATCHES, body);
    const { type, message } = json.error as { type: string; message: string };
    expect(type).toBe(status === 413 ? 'request_too_large' : 'invalid_request_error');
    return [status, message];
  };

  test('refuses envelopes, custom ids and what no batch takes, at once', async () => {
    await open();
    const [ok = {}] = messageRows(1);
    expect((await refused('{"requests":['))[1]).toContain('not valid JSON');
    expect((await refused({ requests: [] }))[1]).toContain('at least 1 item');
    expect((await refused({ requests: [ok], metadata: {} }))[1]).toContain('metadata: Extra inputs');
    for (const id of ['', 'a b', 'ä', 'x'.repeat(65), 7]) {
      expect((await refused({ requests: [{ ...ok, custom_id: id }] }))[1]).toContain('requests.0.custom_id');
    }
    expect((await refused({ requests: [ok, ok] }))[1]).toContain('requests.1.custom_id: custom_id must be unique');
    expect((await refused({ requests: [{ custom_id: 'a' }] }))[1]).toContain('requests.0.params: Field required');
    for (const more of [{ stream: true }, { speed: 'fast' }, { max_tokens: 0 }, { store: false }, { cache_hint: {} }]) {
      const [name = ''] = Object.keys(more);
      const requests = [ok, messageRow('b', more)];
      expect(await refused({ requests })).toEqual([400, expect.stringContaining(`requests.1.params.${name}: `)]);
    }
    expect(opened.client.sandbox.ledger()).toMatchObject({ creates: 0, rowsExecuted: 0 });
    expect(opened.client.sandbox.ledger().providers.anthropic?.createCalls).toBe(15);
  });

  test('a row that only the model API refuses is errored after the end, or at once when asked for', async () => {
    await open();
    const rows = [
      messageRow('ok'),
      messageRow('none', { max_tokens: undefined }),
      messageRow('below', { max_tokens: -1 }),
      messageRow('role', { messages: [{ role: 'robot', content: 'x' }] }),
      messageRow('empty', { messages: [] }),
      messageRow('model', { model: 'no-such-model' }),
      messageRow('image', {}, [{ type: 'image', source: { type: 'base64', media_type: 'image/bmp', data: 'AA==' } }]),
    ];
    const { batch, results } = await opened.run(rows);
    expect(batch.request_counts).toEqual({ ...NO_COUNTS, succeeded: 1, errored: 6 });
    expect(results.slice(1).map((line) => errorOf(line).message)).toEqual([
      'max_tokens: Field required',
      'max_tokens: must be greater than 0',
      "messages.0.role: Input should be 'user' or 'assistant'",
      'messages: at least one message is required',
      'model: no-such-model',
      expect.stringContaining('messages.0.content.0.image.source.base64.media_type'),
    ]);
    expect(errorOf(results[5]).type).toBe('not_found_error');
    expect(opened.client.sandbox.ledger()).toMatchObject({ rowsExecuted: 7, rowsCharged: 1 });
    await opened.client.close();
    await open({ checksRowsAtCreate: true });
    expect((await refused({ requests: rows }))[1]).toBe('requests.1.params.max_tokens: Field required');
  });

  test('limits: bytes, requests, rows in the queue', async () => {
    const limits = { anthropicBatchBytes: 10_000, anthropicBatchRequests: 5, queuedRequests: 7 };
    await open({ limits, delays: { inProgressMs: HOUR_MS } });
    expect((await refused({ requests: [messageRow('a', {}, 'x'.repeat(10_000))] }))[0]).toBe(413);
    expect(await refused({ requests: messageRows(6) })).toEqual([413, expect.stringContaining('at most 5 requests')]);
    const first = await opened.create(messageRows(5));
    const full = await opened.call('POST', BATCHES, { requests: messageRows(3) });
    expect(full.status).toBe(429);
    expect(full.headers.get('retry-after')).toBe('60');
    expect(full.json.error).toMatchObject({ type: 'rate_limit_error' });
    await opened.create(messageRows(2));
    opened.client.sandbox.advance(2 * HOUR_MS);
    await opened.waitForEnd(first);
    await opened.create(messageRows(5));
    expect(opened.client.sandbox.ledger()).toMatchObject({ creates: 3, createCalls: 6 });
  });

  test('two versions of the API, two ways to send a key', async () => {
    await open();
    const post = async (headers: Record<string, string>): Promise<unknown> => {
      const row = messageRow('warm', { temperature: 0.5 });
      const answer = await opened.call('POST', BATCHES, { requests: [row] }, headers);
      if (answer.status !== 200) return [answer.status, (answer.json.error as Json).message];
      await opened.waitForEnd(String(answer.json.id));
      const [line] = await opened.results(String(answer.json.id));
      return errorOf(line).message ?? resultOf(line).type;
    };
    expect(await post({})).toBe('succeeded');
    expect(await post({ 'anthropic-version': '2026-10-21' })).toBe('temperature: Extra inputs are not permitted');
    expect(await post({ 'anthropic-version': '2020-01-01' })).toEqual([400, expect.stringContaining('not a valid')]);
    const bare = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(opened.client.sandbox.url + BATCHES, { headers })).status;
    expect(await bare({ 'x-api-key': 'sk-ant-test' })).toBe(400);
    const version = { 'anthropic-version': '2023-06-01' };
    expect(await bare(version)).toBe(401);
    expect(await bare({ ...version, 'x-api-key': 'sk-ant-test', authorization: 'Bearer sk-ant-invalid' })).toBe(200);
    expect(await bare({ ...version, 'x-api-key': 'sk-ant-invalid', authorization: 'Bearer sk-ant-test' })).toBe(401);
  });
});

describe('time', () => {
  test('counts stand still while in progress; a cancel keeps what is finished or in flight', async () => {
    await open({ delays: { perRowMs: 1000, cancellingMs: 1000 } });
    const id = await opened.create(messageRows(20));
    const get = async (): Promise<Json> => (await opened.call('GET', `${BATCHES}/${id}`)).json;
    await expect.poll(() => opened.client.sandbox.ledger().batches[0]?.isExecuted).toBe(true);
    opened.client.sandbox.advance(5000);
    expect(await get()).toMatchObject({
      processing_status: 'in_progress',
      request_counts: { processing: 20, succeeded: 0 },
      ended_at: null,
      results_url: null,
    });
    expect((await opened.call('GET', `${BATCHES}/${id}/results`)).status).toBe(404);
    expect((await opened.call('DELETE', `${BATCHES}/${id}`)).status).toBe(400);
    const cancelled = await opened.call('POST', `${BATCHES}/${id}/cancel`);
    expect(cancelled.json).toMatchObject({ processing_status: 'canceling', cancel_initiated_at: expect.any(String) });
    expect((await opened.call('POST', `${BATCHES}/${id}/cancel`)).status).toBe(200);
    opened.client.sandbox.advance(1000);
    const end = await opened.waitForEnd(id);
    const { succeeded = 0, canceled = 0 } = end.request_counts as Record<string, number>;
    expect(end.request_counts).toEqual({ ...NO_COUNTS, succeeded, canceled });
    expect(succeeded).toBeGreaterThanOrEqual(8);
    expect(succeeded + canceled).toBe(20);
    const results = await opened.results(id);
    expect(typesOf(results).filter((type) => type === 'succeeded')).toHaveLength(succeeded);
    expect(typesOf(results).filter((type) => type === 'canceled')).toHaveLength(canceled);
    expect(new Set(results.map((line) => line.custom_id)).size).toBe(20);
    expect(opened.client.sandbox.ledger()).toMatchObject({ rowsExecuted: succeeded, rowsCharged: succeeded });
    expect((await opened.call('POST', `${BATCHES}/${id}/cancel`)).status).toBe(400);
  });

  test('after 24 hours the finished rows are kept and the rest expires', async () => {
    await open({ delays: { perRowMs: 4 * HOUR_MS } });
    const id = await opened.create(messageRows(10));
    opened.client.sandbox.advance(25 * HOUR_MS);
    const end = await opened.waitForEnd(id);
    expect(end.request_counts).toEqual({ ...NO_COUNTS, succeeded: 6, expired: 4 });
    expect(end.ended_at).toBe(end.expires_at);
    expect(typesOf(await opened.results(id)).filter((type) => type === 'expired')).toHaveLength(4);
  });

  test('results are archived 29 days after the creation, the batch stays readable', async () => {
    await open();
    const { batch } = await opened.run(messageRows(2));
    const path = `${BATCHES}/${String(batch.id)}`;
    opened.client.sandbox.advance(28 * 24 * HOUR_MS);
    expect((await opened.call('GET', `${path}/results`)).status).toBe(200);
    opened.client.sandbox.advance(25 * HOUR_MS);
    expect((await opened.call('GET', `${path}/results`)).status).toBe(404);
    expect((await opened.call('GET', path)).json.archived_at).toEqual(expect.any(String));
  });
});

describe('lists and accounts', () => {
  test('another key sees nothing, nor does another provider', async () => {
    await open();
    const { batch } = await opened.run(messageRows(1));
    const other = { 'x-api-key': 'sk-ant-other' };
    const path = `${BATCHES}/${String(batch.id)}`;
    for (const [method, target] of [
      ['GET', path],
      ['POST', `${path}/cancel`],
      ['GET', `${path}/results`],
      ['DELETE', path],
    ] as const) {
      expect((await opened.call(method, target, undefined, other)).status).toBe(404);
    }
    expect((await opened.call('GET', BATCHES, undefined, other)).json.data).toEqual([]);
    const openai = await opened.client.call('GET', `/v1/batches/${String(batch.id)}`, undefined, 'sk-ant-test');
    expect(openai.status).toBe(404);
    expect((await opened.client.call('GET', '/v1/batches', undefined, 'sk-ant-test')).json.data).toEqual([]);
  });

  test('results come in another order than the requests', async () => {
    await open();
    const rows = messageRows(500);
    const id = await opened.create(rows);
    await opened.waitForEnd(id);
    const ids = (await opened.results(id)).map((line) => line.custom_id);
    expect(ids).not.toEqual(rows.map((row) => row.custom_id));
    expect(new Set(ids)).toEqual(new Set(rows.map((row) => row.custom_id)));
  });

  test('a request printed over several lines is one request', async () => {
    await open();
    const answer = await opened.call('POST', BATCHES, JSON.stringify({ requests: messageRows(3) }, null, 2));
    const end = await opened.waitForEnd(String(answer.json.id));
    expect(end.request_counts).toEqual({ ...NO_COUNTS, succeeded: 3 });
    expect(messageOf((await opened.results(String(end.id)))[0]).content).toEqual([
      { type: 'text', text: expect.stringMatching(/^Text of row-\d\.$/) },
    ]);
  });
});
