import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Json, openTestClient, type TestClient } from '../test-client.ts';

const FOLDER = new URL('../../../test/fixtures/recorded/', import.meta.url);

function readFixture(name: string): string {
  return readFileSync(new URL(name, FOLDER), 'utf8');
}

interface Exchange {
  method: string;
  uri: string;
  request_body: string;
  status: number;
  body: string;
}

const exchanges = readFixture('curator.recorded-http.openai.basic_batch_completion.jsonl')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Exchange);

function recorded(method: string, part: string): Json[] {
  return exchanges
    .filter((exchange) => exchange.method === method && exchange.uri.includes(part))
    .map((exchange) => JSON.parse(exchange.body) as Json);
}

/** Names and types, to any depth; `null` fits every type because the real service uses it for "not yet". */
function expectShape(real: unknown, ours: unknown, at = ''): void {
  if (real === null || ours === null) return;
  expect(typeof ours, at).toBe(typeof real);
  if (Array.isArray(real)) {
    expectShape(real[0], (ours as unknown[])[0], `${at}[0]`);
  } else if (typeof real === 'object') {
    for (const [key, value] of Object.entries(real as Json)) {
      expect(Object.keys(ours as Json), at).toContain(key);
      if (at !== '.metadata') expectShape(value, (ours as Json)[key], `${at}.${key}`);
    }
  }
}

describe('against recorded exchanges of the real service', () => {
  let client: TestClient;
  beforeEach(async () => {
    client = await openTestClient();
  });
  afterEach(() => client.close());

  test('replays a whole batch: bytes of the real upload in, shapes of the real answers out', async () => {
    const upload = exchanges[0];
    const boundary = /^--(\S+)/.exec(upload?.request_body ?? '')?.[1] ?? '';
    const response = await fetch(`${client.sandbox.url}/v1/files`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test', 'content-type': `multipart/form-data; boundary=${boundary}` },
      body: upload?.request_body ?? '',
    });
    const file = (await response.json()) as Json;
    const [realFile] = recorded('POST', '/v1/files');
    expectShape(realFile, file);
    expect(file.bytes).toBe(realFile?.bytes);
    expect(file.filename).toBe(realFile?.filename);

    const [realCreated] = recorded('POST', '/v1/batches');
    const request = JSON.parse(exchanges[2]?.request_body ?? '') as Json;
    const created = await client.call('POST', '/v1/batches', { ...request, input_file_id: file.id });
    expectShape(realCreated, created.json);
    for (const [key, value] of Object.entries(realCreated ?? {})) {
      if (value === null || key === 'request_counts' || key === 'metadata' || key === 'status') {
        expect(created.json[key], key).toEqual(value);
      }
    }
    const batch = await client.waitForEnd(String(created.json.id));
    const realEnd = recorded('GET', '/v1/batches').at(-1);
    expectShape(realEnd, batch);
    expect(batch.request_counts).toEqual(realEnd?.request_counts);
    expect(batch.error_file_id).toBeNull();

    const realLines = exchanges.at(-1)?.body.trim().split('\n') ?? [];
    const lines = await client.lines(batch.output_file_id);
    expect(lines).toHaveLength(realLines.length);
    for (const line of lines) {
      const real = JSON.parse(realLines[0] ?? '') as Json;
      expect(Object.keys(line)).toEqual(Object.keys(real));
      expectShape(real, line);
    }
    expect(lines.map((line) => line.custom_id).sort()).toEqual(['0', '1', '2']);
  });

  test('accepts the status words in the order they were seen', () => {
    const seen = recorded('GET', '/v1/batches').map((batch) => batch.status);
    expect([...new Set(seen)]).toEqual(['validating', 'in_progress', 'finalizing', 'completed']);
  });

  test('answers another recorded input, tools and images of roles included', async () => {
    const rows = readFixture('langbatch.chat_completion_batch.jsonl').trim().split('\n');
    const { batch, output, error } = await client.run(rows);
    expect(batch.request_counts).toEqual({ total: rows.length, completed: rows.length, failed: 0 });
    expect(error).toEqual([]);
    const real = JSON.parse(readFixture('langbatch.chat_completion_batch_results.jsonl').split('\n')[0] ?? '') as Json;
    for (const line of output) expectShape(real, line);
  });

  test('a row without messages fails the batch; an unknown role only its row', async () => {
    const rows = readFixture('langbatch.chat_completion_batch_invalid.jsonl').trim().split('\n');
    const { batch } = await client.run(rows);
    expect(batch.status).toBe('failed');
    expect(batch.errors).toEqual({
      object: 'list',
      data: [{ code: 'invalid_request', line: 1, message: 'Messages parameter is required.', param: 'body.messages' }],
    });
    const second = await client.run(rows.slice(1));
    expect(second.batch).toMatchObject({ status: 'completed', output_file_id: null });
    expect(second.error[0]).toMatchObject({ error: null, response: { status_code: 400 } });
  });

  test('embeds recorded texts', async () => {
    const rows = readFixture('langbatch.embedding_batch.jsonl').trim().split('\n');
    const { output } = await client.run(rows, { endpoint: '/v1/embeddings' });
    expect(output).toHaveLength(rows.length);
    for (const line of output) {
      const [item] = ((line.response as Json).body as Json).data as Json[];
      const vector = item?.embedding as number[];
      expect(vector).toHaveLength(1536);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    }
  });
});
