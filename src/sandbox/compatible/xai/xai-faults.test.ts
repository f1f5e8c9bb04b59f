import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RouteAction, RowAction } from '../../sandbox.ts';
import { errorsOf, idsOf, openXaiClient, type XaiTestClient, xaiRow, xaiRows } from './test-client.ts';

let client: XaiTestClient;
beforeEach(async () => {
  client = await openXaiClient();
});
afterEach(() => client.close());

/** A batch of three rows, the middle one spoilt. */
async function spoilt(fault: RowAction): Promise<unknown> {
  client.sandbox.setFaults({ rows: [{ match: { customId: 'bad' }, fault }] });
  const { batch_id: id } = await client.create([xaiRow('a'), xaiRow('bad'), xaiRow('c')]);
  await client.ended(id);
  return id;
}

const onRoute = (method: string, path: string, fault: RouteAction): void =>
  client.sandbox.setFaults({ routes: [{ method, path: `/xai/v1${path}`, fault }] });

describe('a row', () => {
  test.each<[RowAction, string]>([
    [{ type: 'error', status: 500, message: 'It broke.' }, 'It broke.'],
    [{ type: 'status-zero' }, ''],
  ])('fails with a text: %j', async (fault, error) => {
    const id = await spoilt(fault);
    expect(await client.poll(id)).toMatchObject({ state: { num_success: 2, num_error: 1 } });
    expect(errorsOf((await client.page(id)).rows)).toEqual({ bad: error });
    expect(client.sandbox.ledger().rowsCharged).toBe(2);
  });

  test('is missing, there twice, or beside one of an unknown id', async () => {
    const idsWith = async (type: 'missing' | 'duplicate' | 'unknown-id') =>
      idsOf((await client.page(await spoilt({ type }))).rows);
    expect(await idsWith('missing')).toEqual(['a', 'c']);
    expect(await idsWith('duplicate')).toEqual(['a', 'bad', 'bad', 'c']);
    expect(await idsWith('unknown-id')).toEqual(['a', 'bad', 'unknown-00000002', 'c']);
  });

  test('that is missing alone leaves a page without rows', async () => {
    client.sandbox.setFaults({ rows: [{ match: {}, fault: { type: 'missing' } }] });
    const { batch_id: id } = await client.create(xaiRows(3));
    await client.ended(id);
    const { rows, token } = await client.page(id, { limit: '2' });
    expect(rows).toEqual([]);
    expect(token).not.toBeNull();
    expect(await client.page(id, { limit: '2', pagination_token: String(token) })).toEqual({ rows: [], token: null });
  });

  test('that is no JSON breaks the page it is on, and no other', async () => {
    const id = await spoilt({ type: 'not-json' });
    const text = await client.rawPage(id);
    expect(text).toContain('<html>');
    expect(() => JSON.parse(text)).toThrow();
    expect(text).toContain('"pagination_token":null');
    expect(idsOf((await client.page(id, { limit: '1' })).rows)).toEqual(['a']);
  });

  test('that is cut ends the page in its middle', async () => {
    const id = await spoilt({ type: 'truncated-last-line' });
    const text = await client.rawPage(id);
    expect(text).toContain('"batch_request_id":"bad"');
    expect(text).not.toContain('"batch_request_id":"c"');
    expect(text).not.toContain('pagination_token');
  });

  test('may be huge', async () => {
    const id = await spoilt({ type: 'huge', bytes: 3_000_000 });
    const { rows } = await client.page(id);
    const message = { content: 'x'.repeat(3_000_000) };
    const response = { chat_get_completion: { choices: [{ message }] } };
    expect(rows[1]).toMatchObject({ batch_request_id: 'bad', batch_result: { response } });
  });
});

describe('a call', () => {
  test('whose reply is lost has done its work', async () => {
    const { json: file } = await client.upload(['file', new File([JSON.stringify(xaiRow('a'))], 'in.jsonl')]);
    onRoute('POST', '/batches', { type: 'lost-reply' });
    const create = { name: 'lost', input_file_id: file.id };
    await expect(client.call('POST', '/batches', create)).rejects.toThrow();
    expect((await client.call('GET', '/batches')).json.batches).toMatchObject([{ name: 'lost' }]);
    expect(client.sandbox.ledger().providers.xai).toMatchObject({ createCalls: 1, creates: 1 });
  });

  test('answers with an error in its own form', async () => {
    onRoute('GET', '/batches', { type: 'status', status: 429 });
    const { status, json } = await client.call('GET', '/batches');
    expect(status).toBe(429);
    expect(json).toEqual({ code: expect.any(String), error: expect.any(String) });
  });

  test('lists a new batch only later', async () => {
    const { batch_id: id } = await client.create(xaiRows(1));
    onRoute('GET', '/batches', { type: 'hide', ms: 60_000 });
    expect((await client.call('GET', '/batches')).json.batches).toEqual([]);
    expect((await client.call('GET', '/batches')).json.batches).toMatchObject([{ batch_id: id }]);
  });

  test('may find no file, or a file that is refused later', async () => {
    const { json: file } = await client.upload(['file', new File([JSON.stringify(xaiRow('a'))], 'in.jsonl')]);
    const create = { name: 'a', input_file_id: file.id };
    onRoute('POST', '/batches', { type: 'file-not-found' });
    expect((await client.call('POST', '/batches', create)).status).toBe(400);
    onRoute('POST', '/batches', { type: 'fail-batch', code: 'any', message: 'it is bad', line: 1 });
    const { json: batch } = await client.call('POST', '/batches', create);
    expect(await client.ended(batch.batch_id)).toMatchObject({
      cancel_by_xai_message: 'JSONL file validation failed: line 1: it is bad',
    });
  });

  test('creates a batch that expires half done', async () => {
    onRoute('POST', '/batches', { type: 'expire-at', fraction: 0.5 });
    const { batch_id: id } = await client.create(xaiRows(4));
    expect(await client.ended(id)).toMatchObject({ state: { num_success: 2, num_cancelled: 2 } });
    expect(Object.values(errorsOf((await client.page(id)).rows))).toEqual(['Batch expired', 'Batch expired']);
  });

  test('gets a page that is cut, with or without a word of it', async () => {
    const { batch_id: id } = await client.create(xaiRows(4));
    await client.ended(id);
    const whole = await client.rawPage(id);
    onRoute('GET', '/batches/*/results', { type: 'cut-reply-clean', bytes: 700 });
    expect(await client.rawPage(id)).toBe(whole.slice(0, 700));
    onRoute('GET', '/batches/*/results', { type: 'cut-reply', bytes: 700 });
    await expect(client.rawPage(id)).rejects.toThrow();
  });

  test('cancels although its reply is lost', async () => {
    await client.close();
    client = await openXaiClient({ delays: { inProgressMs: 1_000_000 } });
    const { batch_id: id } = await client.create(xaiRows(2));
    await client.executed(id);
    onRoute('POST', '/batches/*:cancel', { type: 'lost-reply' });
    await expect(client.call('POST', `/batches/${id}:cancel`)).rejects.toThrow();
    expect(await client.poll(id)).toMatchObject({ cancel_time: expect.any(String), state: { num_success: 2 } });
  });
});
