import OpenAI, { toFile } from 'openai';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chatRows, openTestClient, type TestClient } from '../test-client.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

// The official client, unchanged: what it accepts and how it names errors is the contract.
describe('the official SDK', () => {
  let client: TestClient;
  let openai: OpenAI;
  const input = () =>
    new File(
      [
        chatRows(5)
          .map((row) => JSON.stringify(row))
          .join('\n'),
      ],
      'in.jsonl',
    );
  const create = (fileId: string) =>
    openai.batches.create({ input_file_id: fileId, endpoint: '/v1/chat/completions', completion_window: '24h' });

  beforeEach(async () => {
    client = await openTestClient();
    openai = new OpenAI({ apiKey: 'sk-test', baseURL: `${client.sandbox.url}/v1`, maxRetries: 0 });
  });
  afterEach(() => client.close());

  test('uploads, creates, polls and downloads', async () => {
    const file = await openai.files.create({
      file: input(),
      purpose: 'batch',
      expires_after: { anchor: 'created_at', seconds: 7200 },
    });
    expect(file.expires_at).toBe(file.created_at + 7200);
    expect((await openai.files.retrieve(file.id)).bytes).toBe(file.bytes);
    let batch = await create(file.id);
    expect(batch.status).toBe('validating');
    for (let i = 0; batch.status !== 'completed' && i < 500; i++) batch = await openai.batches.retrieve(batch.id);
    expect(batch.request_counts).toEqual({ total: 5, completed: 5, failed: 0 });
    const text = await (await openai.files.content(batch.output_file_id ?? '')).text();
    expect(text.trim().split('\n')).toHaveLength(5);
    const outputs = await collect(openai.files.list({ purpose: 'batch_output' }));
    expect(outputs.map((output) => output.id)).toEqual([batch.output_file_id]);
    expect(await openai.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
    await expect(openai.files.retrieve(file.id)).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  test('streams an upload without a known length', async () => {
    async function* pieces() {
      for (const row of chatRows(20)) yield new TextEncoder().encode(`${JSON.stringify(row)}\n`);
    }
    const file = await openai.files.create({ file: await toFile(pieces(), 'in.jsonl'), purpose: 'batch' });
    expect(await (await openai.files.content(file.id)).text()).toHaveLength(file.bytes);
  });

  test('pages through lists', async () => {
    const file = await openai.files.create({ file: input(), purpose: 'batch' });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await create(file.id)).id);
    const listed = await collect(openai.batches.list({ limit: 2 }));
    expect(listed.map((batch) => batch.id)).toEqual(ids);
  });

  test('cancels, and says so when it is too late', async () => {
    const file = await openai.files.create({ file: input(), purpose: 'batch' });
    const { id } = await create(file.id);
    await client.waitForEnd(id);
    const refusal = await openai.batches.cancel(id).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(OpenAI.ConflictError);
    expect((refusal as Error).message).toContain("Cannot cancel a batch with status 'completed'.");
    const early = await create(file.id);
    expect((await openai.batches.cancel(early.id)).status).toMatch(/cancelling|cancelled/);
  });

  test('maps errors to its classes', async () => {
    await expect(openai.batches.retrieve('batch_none')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const bad = new OpenAI({ apiKey: 'sk-invalid-0123456789', baseURL: openai.baseURL, maxRetries: 0 });
    const error = await bad.batches.list().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect((error as { code: string }).code).toBe('invalid_api_key');
    expect((error as Error).message).not.toContain('sk-invalid-0123456789');
    client.sandbox.setFaults({
      routes: [
        { method: 'GET', path: '/v1/batches', fault: { type: 'status', status: 429, headers: { 'retry-after': '3' } } },
      ],
    });
    const limited = await openai.batches.list().catch((reason: unknown) => reason);
    expect(limited).toBeInstanceOf(OpenAI.RateLimitError);
    expect((limited as { headers: Headers }).headers.get('retry-after')).toBe('3');
  });

  test('realtime: chat, responses, embeddings', async () => {
    const chat = await openai.chat.completions.create({
      model: 'gpt-5-mini',
      messages: [{ role: 'user', content: 'Cats sleep. Cats like to sleep on mats.' }],
    });
    expect(chat.choices[0]?.message.content).toContain('Cats');
    const response = await openai.responses.create({ model: 'gpt-5-mini', input: 'Dogs bark at night.' });
    expect(response.output_text).toBe('Dogs bark at night.');
    const float = await openai.embeddings.create({
      model: 'text-embedding-3-small',
      input: 'a cat',
      encoding_format: 'float',
    });
    const decoded = await openai.embeddings.create({ model: 'text-embedding-3-small', input: 'a cat' });
    expect(decoded.data[0]?.embedding).toHaveLength(1536);
    decoded.data[0]?.embedding.forEach((value, i) => {
      expect(value).toBeCloseTo(float.data[0]?.embedding[i] ?? Number.NaN, 6);
    });
    const { headers } = await client.call('POST', '/v1/chat/completions', {
      model: 'm',
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(headers.get('x-ratelimit-reset-requests')).toMatch(/^(\d+h)?(\d+m)?(\d+m?s)$/);
    expect(headers.get('x-request-id')).not.toBeNull();
  });
});
