import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SandboxOptions } from '../../sandbox.ts';
import type { Json } from '../../test-client.ts';
import { errorsOf, idsOf, openXaiClient, type XaiTestClient, xaiRow, xaiRows } from './test-client.ts';

const DAY_MS = 24 * 3_600_000;
const none = { num_requests: 0, num_pending: 0, num_success: 0, num_error: 0, num_cancelled: 0 };

let client: XaiTestClient;
beforeEach(async () => {
  client = await openXaiClient();
});
afterEach(() => client.close());

async function reopen(options: Partial<SandboxOptions>): Promise<void> {
  await client.close();
  client = await openXaiClient(options);
}

describe('a batch', () => {
  test('is created with every counter at 0, ends, and is told of in days', async () => {
    const batch = await client.create(xaiRows(3), 'offpeak-1');
    const day = new Date().toISOString().slice(0, 10);
    expect(batch).toEqual({
      batch_id: expect.stringMatching(/^batch_[0-9a-f]{8}-[0-9a-f-]{27}$/),
      name: 'offpeak-1',
      create_time: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      expire_time: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      create_api_key_id: expect.any(String),
      cancel_time: null,
      cancel_by_xai_message: null,
      state: none,
      input_file_id: expect.stringMatching(/^file_/),
    });
    expect(Date.parse(String(batch.expire_time)) - Date.parse(String(batch.create_time))).toBe(30 * DAY_MS);
    expect(String(batch.create_time) >= day).toBe(true);
    expect(await client.ended(batch.batch_id)).toEqual({
      ...batch,
      state: { ...none, num_requests: 3, num_success: 3 },
    });
    expect(client.sandbox.ledger().providers.xai).toMatchObject({ uploads: 1, createCalls: 1, creates: 1 });
  });

  test('has results in pages, sorted by id', async () => {
    const ids = ['c', 'a', 'e"2', 'B', 'a!', ''];
    const batch = await client.create(ids.map((id) => xaiRow(id)));
    await client.ended(batch.batch_id);
    const first = await client.page(batch.batch_id, { limit: '4' });
    expect(idsOf(first.rows)).toEqual(['', 'B', 'a', 'a!']);
    const second = await client.page(batch.batch_id, { limit: '4', pagination_token: String(first.token) });
    expect(idsOf(second.rows)).toEqual(['c', 'e"2']);
    expect(second.token).toBeNull();
    expect(second.rows[0]).toEqual({
      batch_request_id: 'c',
      batch_result: {
        response: { chat_get_completion: expect.objectContaining({ object: 'chat.completion', model: 'grok-4.3' }) },
      },
    });
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'pagination_token=%25']) {
      expect((await client.call('GET', `/batches/${batch.batch_id}/results?${query}`)).status).toBe(400);
    }
  });

  test('of many rows has each of them once', async () => {
    const batch = await client.create(Array.from({ length: 2500 }, (_, i) => xaiRow(`row-${i}`)));
    await client.ended(batch.batch_id);
    const ids: unknown[] = [];
    for (let token: string | null = ''; token !== null; ) {
      const page = await client.page(batch.batch_id, { limit: '1000', pagination_token: token });
      ids.push(...idsOf(page.rows));
      token = page.token;
    }
    expect(ids).toEqual(Array.from({ length: 2500 }, (_, i) => `row-${i}`).sort());
    expect(client.sandbox.ledger().providers.xai).toMatchObject({ downloads: 3, rowsCharged: 2500 });
  });

  test('is in the list of its account', async () => {
    const created: unknown[] = [];
    for (const name of ['one', 'two', 'three']) created.push((await client.create(xaiRows(1), name)).batch_id);
    const first = (await client.call('GET', '/batches?limit=2')).json;
    const second = (await client.call('GET', `/batches?limit=2&pagination_token=${first.pagination_token}`)).json;
    const listed = [...(first.batches as Json[]), ...(second.batches as Json[])];
    expect(listed.map((batch) => batch.batch_id)).toEqual(created.toReversed());
    expect(second.pagination_token).toBeNull();
    expect((await client.call('GET', '/batches', undefined, 'sk-other')).json.batches).toEqual([]);
    expect((await client.call('GET', `/batches/${created[0]}`, undefined, 'sk-other')).status).toBe(404);
  });

  test('counts while it runs, and what is finished can be read', async () => {
    await reopen({ delays: { inProgressMs: 1_000_000, validatingMs: 100_000 } });
    const { batch_id: id } = await client.create([...xaiRows(9), xaiRow('wrong', { max_tokens: -5 })]);
    await client.executed(id);
    expect(await client.poll(id)).toMatchObject({ state: none });
    client.sandbox.advance(650_000);
    const { state } = await client.poll(id);
    expect(state).toMatchObject({ num_requests: 10, num_pending: 5, num_cancelled: 0 });
    const { num_success, num_error } = state as Record<string, number>;
    expect((num_success ?? 0) + (num_error ?? 0)).toBe(5);
    const { rows, token } = await client.page(id);
    expect(rows).toHaveLength(5);
    expect(idsOf(rows)).toEqual(idsOf(rows).toSorted());
    expect(token).toBeNull();
    client.sandbox.advance(1_000_000);
    expect(await client.poll(id)).toMatchObject({ state: { num_success: 9, num_error: 1, num_pending: 0 } });
    expect(errorsOf((await client.page(id)).rows)).toEqual({ wrong: expect.stringContaining('max_tokens') });
  });

  test('goes on in another process, pages too', async () => {
    await reopen({ delays: { inProgressMs: 1_000_000 } });
    const { batch_id: id } = await client.create(xaiRows(10));
    await client.executed(id);
    client.sandbox.advance(1_000_000);
    const { token } = await client.page(id, { limit: '7' });
    const other = await openXaiClient({ stateDir: client.stateDir });
    try {
      expect(await other.poll(id)).toMatchObject({ state: { num_success: 10 } });
      expect(idsOf((await other.page(id, { pagination_token: String(token) })).rows)).toEqual([
        'row-07',
        'row-08',
        'row-09',
      ]);
    } finally {
      await other.close();
    }
  });
});

describe('a file', () => {
  test('may mix urls and models; all of it is answered as chat completions', async () => {
    const response = { ...xaiRow('b'), url: '/v1/responses', body: { model: 'grok-4.20', input: 'Some text.' } };
    const wrong = { ...response, custom_id: 'c', body: { model: 'grok-4.20', input: 5 } };
    const { batch_id: id } = await client.create([xaiRow('a'), response, wrong]);
    expect(await client.ended(id)).toMatchObject({ state: { num_success: 2, num_error: 1 } });
    const { rows } = await client.page(id);
    expect(rows[1]).toMatchObject({
      batch_request_id: 'b',
      batch_result: {
        response: {
          chat_get_completion: {
            object: 'chat.completion',
            model: 'grok-4.20',
            choices: [{ message: { role: 'assistant', content: expect.any(String) }, finish_reason: 'stop' }],
            usage: { prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) },
          },
        },
      },
    });
    expect(errorsOf(rows)).toEqual({ c: expect.stringContaining("'input'") });
  });

  const unknownModel = xaiRow('b', { model: 'no-such-model-1' });
  test.each([
    ['no JSON', '{"custom_id":', /^JSONL file validation failed: line 2: invalid JSON: ./],
    [
      'a model it does not know',
      unknownModel,
      /failed: Model no-such-model-1 is not supported for batch processing\.$/,
    ],
    ['another url', { ...xaiRow('b'), url: '/v1/embeddings' }, /failed: line 2: .*\/v1\/embeddings/],
    ['an id twice', xaiRow('a'), /failed: line 2: .*'a'/],
    ['no messages', xaiRow('b', { messages: undefined }), /failed: line 2: .*Messages/],
  ])('is refused as a whole for %s', async (_, line, message) => {
    const { batch_id: id } = await client.create([xaiRow('a'), line, xaiRow('z')]);
    expect(await client.ended(id)).toMatchObject({
      cancel_time: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      cancel_by_xai_message: expect.stringMatching(message),
      state: none,
    });
    expect(await client.page(id)).toEqual({ rows: [], token: null });
    expect(client.sandbox.ledger().rowsExecuted).toBe(0);
  });

  test('needs no purpose, and its expiry stands before it', async () => {
    const file = new File(['not even JSON'], 'in.txt');
    const { json } = await client.upload(['expires_after', '3600'], ['file', file]);
    expect(json).toEqual({
      id: expect.stringMatching(/^file_/),
      object: 'file',
      bytes: 13,
      created_at: expect.any(Number),
      expires_at: Number(json.created_at) + 3600,
      filename: 'in.txt',
      purpose: '',
    });
    expect((await client.call('GET', `/files/${json.id}/content`)).text).toBe('not even JSON');
    client.sandbox.advance(3_700_000);
    expect((await client.call('GET', `/files/${json.id}`)).status).toBe(404);
    const forever = await client.upload(['purpose', 'batch'], ['file', file]);
    expect(forever.json).toMatchObject({ purpose: 'batch', expires_at: null });
    expect((await client.call('DELETE', `/files/${forever.json.id}`)).json).toMatchObject({ deleted: true });
    expect(await client.upload(['file', file], ['expires_after', '3600'])).toMatchObject({ status: 400 });
    expect(await client.upload(['expires_after', '60'], ['file', file])).toMatchObject({ status: 400 });
  });
});

describe('a cancel', () => {
  test('shows all that was pending as cancelled, and rows in flight as successes once it is through', async () => {
    await reopen({ delays: { inProgressMs: 1_000_000, cancellingMs: 300_000 } });
    const { batch_id: id } = await client.create(xaiRows(10));
    await client.executed(id);
    client.sandbox.advance(350_000);
    const answer = await client.call('POST', `/batches/${id}:cancel`);
    expect(answer.json).toMatchObject({
      cancel_time: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      cancel_by_xai_message: null,
      state: { num_requests: 10, num_pending: 0, num_success: 3, num_error: 0, num_cancelled: 7 },
    });
    client.sandbox.advance(200_000);
    expect(await client.poll(id)).toEqual(answer.json);
    const early = errorsOf((await client.page(id)).rows);
    expect(Object.values(early)).toEqual(Array.from({ length: 7 }, () => 'Batch cancelled'));
    client.sandbox.advance(100_000);
    expect(await client.poll(id)).toMatchObject({ state: { num_pending: 0, num_success: 8, num_cancelled: 2 } });
    const { rows } = await client.page(id);
    expect(rows).toHaveLength(10);
    expect(Object.keys(errorsOf(rows))).toHaveLength(2);
    expect(client.sandbox.ledger()).toMatchObject({ cancels: 1, rowsCharged: 8 });
    expect((await client.call('POST', `/batches/${id}:cancel`)).json).toMatchObject({ state: { num_success: 8 } });
  });

  test('before the file is read leaves nothing executed', async () => {
    await reopen({ delays: { validatingMs: 1_000_000 } });
    const { batch_id: id } = await client.create(xaiRows(3));
    expect((await client.call('POST', `/batches/${id}:cancel`)).status).toBe(200);
    expect(await client.ended(id)).toMatchObject({ state: { num_requests: 3, num_success: 0, num_cancelled: 3 } });
    expect(Object.keys(errorsOf((await client.page(id)).rows))).toHaveLength(3);
  });

  test('is refused when all is done', async () => {
    const { batch_id: id } = await client.create(xaiRows(1));
    await client.executed(id);
    expect((await client.call('POST', `/batches/${id}:cancel`)).status).toBe(400);
  });
});

test('what is not done within 30 days expires', async () => {
  await reopen({ delays: { inProgressMs: 40 * DAY_MS } });
  const { batch_id: id } = await client.create(xaiRows(4));
  await client.executed(id);
  client.sandbox.advance(30 * DAY_MS);
  expect(await client.poll(id)).toMatchObject({
    cancel_by_xai_message: null,
    state: { num_requests: 4, num_pending: 0, num_success: 3, num_cancelled: 1 },
  });
  expect(Object.values(errorsOf((await client.page(id)).rows))).toEqual(['Batch expired']);
});

describe('refusals', () => {
  test('are two texts, also those of realtime calls', async () => {
    const badKey = await client.call('GET', '/batches', undefined, 'sk-invalid-1');
    expect(badKey.status).toBe(400);
    expect(badKey.json).toEqual({
      code: 'Client specified an invalid argument',
      error: expect.stringMatching(/^Incorrect API key provided\./),
    });
    const call = { model: 'no-such-model', messages: [] };
    const unknown = await client.call('POST', '/chat/completions', call);
    expect(unknown.status).toBe(404);
    expect(unknown.json).toEqual({ code: expect.any(String), error: expect.stringContaining('no-such-model') });
    expect((await client.call('POST', '/batches', 'x')).json).toEqual({
      code: 'Client specified an invalid argument',
      error: expect.any(String),
    });
  });

  test.each([
    [{ input_file_id: 'file_1' }, /name/],
    [{ name: 'a' }, /file-based batches only/],
    [{ name: 'a', input_file_id: 'file_1' }, /file_1/],
  ])('of a create with %j', async (body, message) => {
    const { status, json } = await client.call('POST', '/batches', body);
    expect(status).toBe(400);
    expect(json).toEqual({ code: expect.any(String), error: expect.stringMatching(message) });
  });

  test('of requests put into a batch that has a file', async () => {
    const { batch_id: id } = await client.create(xaiRows(1));
    const { status, json } = await client.call('POST', `/batches/${id}/requests`, { batch_requests: [] });
    expect(status).toBe(412);
    expect(json.error).toBe('Cannot add inline requests to a file-based batch');
  });

  test('of all of it when there is no batch API', async () => {
    await reopen({ batchApi: false });
    expect((await client.call('GET', '/batches')).status).toBe(404);
    expect((await client.call('POST', '/chat/completions', xaiRow('a').body)).status).toBe(200);
  });
});
