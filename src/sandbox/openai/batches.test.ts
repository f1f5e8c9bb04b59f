import { afterEach, describe, expect, test } from 'vitest';
import type { SandboxOptions } from '../sandbox.ts';
import { bodyOf, chatRow, chatRows, type Json, openTestClient, type TestClient } from '../test-client.ts';

const HOUR_MS = 3_600_000;
let client: TestClient;
const open = async (options: Partial<SandboxOptions> = {}): Promise<TestClient> => {
  client = await openTestClient(options);
  return client;
};
afterEach(() => client.close());

async function errorsOf(rows: unknown[], more?: Json): Promise<Json[]> {
  const { batch } = await client.run(rows, more);
  expect(batch).toMatchObject({ status: 'failed', output_file_id: null, error_file_id: null });
  expect(batch.failed_at).toBeTypeOf('number');
  return ((batch.errors as Json).data as Json[]).map(({ code, line, param }) => ({ code, line, param }));
}

describe('validation', () => {
  test('lists every bad line with its number', async () => {
    await open();
    const good = chatRow('good');
    const { body: _, ...noBody } = chatRow('no-body');
    expect(
      await errorsOf([
        good,
        '{broken',
        noBody,
        { ...chatRow('other-url'), url: '/v1/embeddings' },
        chatRow('stream', 'x', { stream: true }),
        good,
        chatRow('model', 'x', { model: 'no-such-model-1' }),
        chatRow('mixed', 'x', { model: 'gpt-5' }),
        chatRow('no-model', 'x', { model: undefined }),
      ]),
    ).toEqual([
      { code: 'invalid_json_line', line: 2, param: null },
      { code: 'missing_required_parameter', line: 3, param: 'body' },
      { code: 'invalid_url', line: 4, param: 'url' },
      { code: 'streaming_unsupported', line: 5, param: 'body.stream' },
      { code: 'duplicate_custom_id', line: 6, param: 'custom_id' },
      { code: 'model_not_found', line: 7, param: 'body.model' },
      { code: 'mismatched_model', line: 8, param: 'body.model' },
      { code: 'invalid_request', line: 9, param: 'body.model' },
    ]);
    expect(client.sandbox.ledger().rowsExecuted).toBe(0);
  });

  test('unknown files, foreign files, too many rows', async () => {
    await open({ limits: { maxRequests: 3 } });
    const unknown = await client.waitForEnd(await client.create('file-none'));
    expect(unknown).toMatchObject({
      status: 'failed',
      errors: { data: [{ code: 'invalid_request', param: 'file_id' }] },
    });
    const foreign = await client.upload(JSON.stringify(chatRow('a')), 'a.jsonl', 'sk-other');
    expect(await client.waitForEnd(await client.create(foreign))).toMatchObject({ status: 'failed' });
    expect(await errorsOf(chatRows(4))).toEqual([{ code: 'too_many_tasks', line: null, param: null }]);
  });

  test('more than 50,000 embedding inputs in all: each text and each array of tokens is one', async () => {
    await open();
    const row = (customId: string, input: unknown) => ({
      custom_id: customId,
      method: 'POST',
      url: '/v1/embeddings',
      body: { model: 'text-embedding-3-small', dimensions: 1, input },
    });
    const texts = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`);
    const endpoint = { endpoint: '/v1/embeddings' };
    const rows = [...Array.from({ length: 24 }, (_, i) => row(`r${i}`, texts(2_000))), row('last', texts(1_996))];
    const four = [row('one', 'a'), row('tokens', [1, 2, 3]), row('lists', [[1, 2], [3]])];
    expect((await client.run([...rows, ...four], endpoint)).batch).toMatchObject({
      status: 'completed',
      request_counts: { total: 28, completed: 28 },
    });
    expect(await errorsOf([...rows, ...four, row('over', 'b')], endpoint)).toEqual([
      { code: 'too_many_tasks', line: null, param: null },
    ]);
  });

  test('the queue limit fails a batch that comes while another one runs', async () => {
    await open({ limits: { enqueuedTokens: 300 }, delays: { inProgressMs: HOUR_MS } });
    const file = await client.upload(
      chatRows(4)
        .map((row) => JSON.stringify(row))
        .join('\n'),
    );
    const first = await client.create(file);
    for (let status = ''; status !== 'in_progress'; ) {
      status = String((await client.call('GET', `/v1/batches/${first}`)).json.status);
    }
    const second = await client.waitForEnd(await client.create(file));
    const [error] = (second.errors as Json).data as Json[];
    expect(error?.code).toBe('token_limit_exceeded');
    expect(error?.message).toMatch(/Limit: 300 enqueued tokens/);
    client.sandbox.advance(2 * HOUR_MS);
    expect((await client.waitForEnd(first)).status).toBe('completed');
    client.sandbox.advance(1);
    const third = await client.create(file);
    client.sandbox.advance(2 * HOUR_MS);
    expect((await client.waitForEnd(third)).status).toBe('completed');
  });

  test('refuses bad creates at once', async () => {
    await open();
    const create = async (more: Json): Promise<unknown> => {
      const body = { input_file_id: 'f', endpoint: '/v1/chat/completions', completion_window: '24h', ...more };
      const { status, json } = await client.call('POST', '/v1/batches', body);
      const { code, param } = json.error as Json;
      return [status, code, param];
    };
    expect(await create({ endpoint: '/v1/nope' })).toEqual([400, 'invalid_value', 'endpoint']);
    expect(await create({ completion_window: '1h' })).toEqual([400, 'invalid_value', 'completion_window']);
    expect(await create({ metadata: { tags: ['a'] } })).toEqual([400, 'invalid_type', 'metadata.tags']);
    expect(await create({ metadata: { a: 'x'.repeat(513) } })).toEqual([400, 'string_above_max_length', 'metadata.a']);
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v']));
    expect(await create({ metadata: many })).toEqual([400, 'object_above_max_properties', 'metadata']);
    expect(client.sandbox.ledger()).toMatchObject({ createCalls: 5, creates: 0 });
  });

  test('upload refuses what is not JSONL or too large', async () => {
    await open({ limits: { maxFileBytes: 1000 } });
    await expect(client.upload('hello')).rejects.toThrow(/Invalid file format.*jsonl/);
    await expect(client.upload('')).rejects.toThrow(/Invalid file format/);
    await expect(client.upload('{}', 'a.csv')).rejects.toThrow(/jsonl/);
    await expect(client.upload(`{"a":"${'x'.repeat(2000)}"}`)).rejects.toThrow(/larger/);
    expect(client.sandbox.ledger().uploads).toBe(0);
  });
});

describe('rows', () => {
  test('each custom id comes back once, not in the order of the input', async () => {
    await open();
    const rows = chatRows(1000);
    const { output, batch } = await client.run(rows);
    const ids = output.map((line) => line.custom_id);
    expect(ids).not.toEqual(rows.map((row) => row.custom_id));
    expect(new Set(ids)).toEqual(new Set(rows.map((row) => row.custom_id)));
    const prompts = output.reduce((sum, line) => sum + Number((bodyOf(line).usage as Json).prompt_tokens), 0);
    expect((batch.usage as Json).input_tokens).toBe(prompts);
    expect(client.sandbox.ledger()).toMatchObject({
      rowsExecuted: 1000,
      rowsCharged: 1000,
      bodiesChargedMoreThanOnce: 0,
    });
  });

  test('what the model API refuses goes to the error file', async () => {
    await open();
    const { batch, output, error } = await client.run([
      chatRow('ok'),
      chatRow('old-name', 'x', { max_tokens: 5 }),
      chatRow('warm', 'x', { temperature: 0.5 }),
      chatRow('hot', 'x', { temperature: 3 }),
      chatRow('role', 'x', { messages: [{ role: 'robot', content: 'x' }] }),
      chatRow('empty', 'x', { messages: [] }),
    ]);
    expect(batch.request_counts).toEqual({ total: 6, completed: 1, failed: 5 });
    expect(output.map((line) => line.custom_id)).toEqual(['ok']);
    const codes = new Map(error.map((line) => [line.custom_id, ((bodyOf(line).error ?? {}) as Json).code]));
    expect(Object.fromEntries(codes)).toEqual({
      'old-name': 'unsupported_parameter',
      warm: 'unsupported_value',
      hot: 'decimal_above_max_value',
      role: 'invalid_value',
      empty: 'empty_array',
    });
  });
});

describe('time', () => {
  test('counts advance while in progress; cancel keeps what is finished', async () => {
    await open({ delays: { validatingMs: 1000, perRowMs: 1000, finalizingMs: 1000, cancellingMs: 1000 } });
    const file = await client.upload(
      chatRows(10)
        .map((row) => JSON.stringify(row))
        .join('\n'),
    );
    const id = await client.create(file);
    const get = async (): Promise<Json> => (await client.call('GET', `/v1/batches/${id}`)).json;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await get()).toMatchObject({ status: 'validating', request_counts: { total: 0 }, in_progress_at: null });
    client.sandbox.advance(5000);
    const half = await get();
    expect(half).toMatchObject({ status: 'in_progress', output_file_id: null });
    const { completed } = half.request_counts as { completed: number };
    expect(completed).toBeGreaterThanOrEqual(4);
    expect(completed).toBeLessThan(10);
    expect((await client.call('POST', `/v1/batches/${id}/cancel`)).json.status).toBe('cancelling');
    client.sandbox.advance(1000);
    const end = await client.waitForEnd(id);
    expect(end).toMatchObject({ status: 'cancelled', completed_at: null });
    const counts = end.request_counts as { total: number; completed: number; failed: number };
    const output = await client.lines(end.output_file_id);
    const error = await client.lines(end.error_file_id);
    expect(counts).toEqual({ total: 10, completed: output.length, failed: 0 });
    expect(error).toHaveLength(10 - output.length);
    expect(error[0]).toMatchObject({ response: null, error: { code: 'batch_cancelled' } });
    expect(new Set([...output, ...error].map((line) => line.custom_id)).size).toBe(10);
    expect(client.sandbox.ledger()).toMatchObject({ rowsExecuted: output.length, rowsCharged: output.length });
    expect((await client.call('POST', `/v1/batches/${id}/cancel`)).status).toBe(200);
  });

  test('after 24 hours the finished rows are kept and the rest expires', async () => {
    await open({ delays: { perRowMs: 4 * HOUR_MS } });
    const file = await client.upload(
      chatRows(10)
        .map((row) => JSON.stringify(row))
        .join('\n'),
    );
    const id = await client.create(file);
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.sandbox.advance(25 * HOUR_MS);
    const end = await client.waitForEnd(id);
    expect(end).toMatchObject({ status: 'expired', request_counts: { total: 10, completed: 6, failed: 0 } });
    expect(end.expired_at).toBe(end.expires_at);
    expect(await client.lines(end.output_file_id)).toHaveLength(6);
    const error = await client.lines(end.error_file_id);
    expect(error.map((line) => (line.error as Json).code)).toEqual(Array(4).fill('batch_expired'));
  });

  test('a day passes in a few milliseconds when asked to', async () => {
    await open({ timeScale: 86_400_000 / 50, delays: { inProgressMs: 20 * HOUR_MS } });
    const started = performance.now();
    const { batch } = await client.run(chatRows(3));
    expect(batch.status).toBe('completed');
    expect(Number(batch.completed_at) - Number(batch.created_at)).toBe(72_000);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('files expire', async () => {
    await open();
    const { batch } = await client.run(chatRows(1));
    client.sandbox.advance(31 * 24 * HOUR_MS);
    expect((await client.call('GET', `/v1/files/${String(batch.output_file_id)}/content`)).status).toBe(404);
  });
});

describe('accounts', () => {
  test('another key sees nothing; no key is refused', async () => {
    await open();
    const { batch } = await client.run(chatRows(1));
    const id = String(batch.id);
    expect((await client.call('GET', `/v1/batches/${id}`, undefined, 'sk-other')).status).toBe(404);
    expect((await client.call('POST', `/v1/batches/${id}/cancel`, undefined, 'sk-other')).status).toBe(404);
    expect((await client.call('GET', `/v1/files/${String(batch.output_file_id)}`, undefined, 'sk-other')).status).toBe(
      404,
    );
    expect((await client.call('GET', '/v1/batches', undefined, 'sk-other')).json.data).toEqual([]);
    expect((await fetch(`${client.sandbox.url}/v1/batches`)).status).toBe(401);
  });

  test('a server without batch API', async () => {
    await open({ batchApi: false });
    expect((await client.call('POST', '/v1/batches', {})).status).toBe(404);
    expect((await client.call('GET', '/v1/files')).status).toBe(404);
    const chat = { model: 'llama3.2', messages: [{ role: 'user', content: 'Hi.' }] };
    expect((await client.call('POST', '/v1/chat/completions', chat)).status).toBe(200);
  });
});
