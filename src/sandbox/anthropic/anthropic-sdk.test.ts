import Anthropic from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AnthropicTestClient, BATCHES, openAnthropicClient } from './test-client.ts';

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function requests(count: number): Anthropic.Messages.BatchCreateParams.Request[] {
  return Array.from({ length: count }, (_, i) => ({
    custom_id: `row-${i + 1}`,
    params: {
      model: 'claude-sonnet-5-5',
      max_tokens: 100,
      messages: [{ role: 'user' as const, content: `Cats sleep. Row ${i + 1}.` }],
    },
  }));
}

// The official client, unchanged: what it accepts and how it names errors is the contract.
describe('the official SDK', () => {
  let opened: AnthropicTestClient;
  let anthropic: Anthropic;
  beforeEach(async () => {
    opened = await openAnthropicClient();
    anthropic = opened.anthropic;
  });
  afterEach(() => opened.client.close());

  async function ended(id: string): Promise<Anthropic.Messages.MessageBatch> {
    await opened.waitForEnd(id);
    return anthropic.messages.batches.retrieve(id);
  }

  test('creates, polls, reads results and deletes', async () => {
    const created = await anthropic.messages.batches.create({ requests: requests(5) });
    expect(created).toMatchObject({ type: 'message_batch', processing_status: 'in_progress', results_url: null });
    expect(created.request_counts).toEqual({ processing: 5, succeeded: 0, errored: 0, canceled: 0, expired: 0 });
    expect(created.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const batch = await ended(created.id);
    expect(batch.request_counts).toEqual({ processing: 0, succeeded: 5, errored: 0, canceled: 0, expired: 0 });
    expect(batch.results_url).toBe(`${opened.client.sandbox.url}${BATCHES}/${batch.id}/results`);
    const results = await collect(await anthropic.messages.batches.results(batch.id));
    expect(results.map((line) => line.custom_id).sort()).toEqual(['row-1', 'row-2', 'row-3', 'row-4', 'row-5']);
    for (const { result } of results) {
      if (result.type !== 'succeeded') throw new Error(result.type);
      expect(result.message).toMatchObject({ role: 'assistant', stop_reason: 'end_turn', stop_details: null });
      expect(result.message.usage.service_tier).toBe('batch');
    }
    const deleted = await anthropic.messages.batches.delete(batch.id);
    expect(deleted).toEqual({ id: batch.id, type: 'message_batch_deleted' });
    await expect(anthropic.messages.batches.retrieve(batch.id)).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    expect(opened.client.sandbox.ledger()).toMatchObject({ creates: 1, downloads: 1, rowsCharged: 5 });
  });

  test('streams a create, as the SDK takes a body in pieces', async () => {
    const text = JSON.stringify({ requests: requests(300) });
    async function* pieces() {
      for (let at = 0; at < text.length; at += 777) yield new TextEncoder().encode(text.slice(at, at + 777));
    }
    const batch = await anthropic.post<Anthropic.Messages.MessageBatch>(BATCHES, {
      body: pieces(),
      headers: { 'content-type': 'application/json' },
    });
    expect((await ended(batch.id)).request_counts.succeeded).toBe(300);
  });

  test('pages through the list, both ways', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await anthropic.messages.batches.create({ requests: requests(1) })).id);
    const listed = await collect(anthropic.messages.batches.list({ limit: 2 }));
    expect(listed.map((batch) => batch.id)).toEqual(ids);
    const page = await anthropic.messages.batches.list({ limit: 2, before_id: ids[4] ?? '' });
    expect(page.data.map((batch) => batch.id)).toEqual([ids[2], ids[3]]);
    expect(page).toMatchObject({ has_more: true, first_id: ids[2], last_id: ids[3] });
    const newer = await page.getNextPage();
    expect(newer.data.map((batch) => batch.id)).toEqual([ids[0], ids[1]]);
    expect(newer.has_more).toBe(false);
    await expect(anthropic.messages.batches.list({ limit: 1001 })).rejects.toBeInstanceOf(Anthropic.BadRequestError);
  });

  test('maps errors to its classes', async () => {
    const errorOf = (call: Promise<unknown>): Promise<unknown> => call.catch((error: unknown) => error);
    const missing = await errorOf(anthropic.messages.batches.retrieve('msgbatch_none'));
    expect(missing).toBeInstanceOf(Anthropic.NotFoundError);
    expect(missing).toMatchObject({ status: 404, type: 'not_found_error', requestID: expect.stringMatching(/^req_/) });
    const same = requests(2).map((request) => ({ ...request, custom_id: 'same' }));
    const twice = await errorOf(anthropic.messages.batches.create({ requests: same }));
    expect(twice).toBeInstanceOf(Anthropic.BadRequestError);
    expect(twice).toMatchObject({ type: 'invalid_request_error' });
    for (const auth of [{ apiKey: 'sk-ant-invalid-0123456789' }, { apiKey: null, authToken: 'sk-ant-invalid-9' }]) {
      const bad = new Anthropic({ ...auth, baseURL: anthropic.baseURL, maxRetries: 0 });
      const refused = await errorOf(bad.messages.batches.list());
      expect(refused).toBeInstanceOf(Anthropic.AuthenticationError);
      expect((refused as Error).message).not.toContain('0123456789');
    }
    const early = await anthropic.messages.batches.create({ requests: requests(1) });
    await ended(early.id);
    expect(await errorOf(anthropic.messages.batches.cancel(early.id))).toBeInstanceOf(Anthropic.BadRequestError);
  });

  test('faults in the shape of this API', async () => {
    const faults = [413, 429, 529].map((status) => ({
      method: 'POST',
      path: BATCHES,
      fault: { type: 'status' as const, status, headers: { 'retry-after': '7' } },
    }));
    opened.client.sandbox.setFaults({ routes: faults });
    for (const [status, type] of [
      [413, 'request_too_large'],
      [429, 'rate_limit_error'],
      [529, 'overloaded_error'],
    ] as const) {
      const error = (await anthropic.messages.batches
        .create({ requests: requests(1) })
        .catch((reason: unknown) => reason)) as InstanceType<typeof Anthropic.APIError>;
      expect(error).toBeInstanceOf(Anthropic.APIError);
      expect(error).toMatchObject({ status, type });
      expect(error.headers?.get('retry-after')).toBe('7');
      expect((error.error as { request_id: string }).request_id).toBe(error.requestID);
    }
    expect(opened.client.sandbox.ledger()).toMatchObject({ createCalls: 3, creates: 0 });
  });

  test('realtime: text, image, structured output, models', async () => {
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const model = 'claude-opus-5-5';
    const say = (content: Anthropic.Messages.MessageParam['content'], more: object = {}) =>
      anthropic.messages.create({ model, max_tokens: 300, messages: [{ role: 'user', content }], ...more });
    const textOf = (message: Anthropic.Messages.Message): string => {
      const [block] = message.content;
      return block?.type === 'text' ? block.text : '';
    };
    const plain = await say('Dogs bark at night.');
    expect(textOf(plain)).toBe('Dogs bark at night.');
    expect(plain.usage).toMatchObject({ service_tier: 'standard', input_tokens: 5, output_tokens: 5 });
    expect((await say('Dogs bark at night.', { max_tokens: 2 })).stop_reason).toBe('max_tokens');
    const image = { type: 'base64' as const, media_type: 'image/png' as const, data: png };
    expect(textOf(await say([{ type: 'image', source: image }]))).toContain('PNG image, 1 x 1 pixels');
    const schema = { type: 'object', properties: { title: { type: 'string' } }, required: ['title'] };
    const structured = await say('Dogs bark.', { output_config: { format: { type: 'json_schema', schema } } });
    expect(JSON.parse(textOf(structured))).toEqual({ title: expect.any(String) });
    expect((await collect(anthropic.models.list())).map(({ id }) => id)).toContain('claude-haiku-4-5');
    // Two contracts, one endpoint: the SDK sends the later version, which knows no sampling parameters.
    await expect(say('x', { temperature: 1 })).rejects.toThrow(/temperature: Extra inputs are not permitted/);
    await expect(say('x', { model: 'no-such-model' })).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    const large = await say('x'.repeat(32_000_001)).catch((error: unknown) => error);
    expect(large).toMatchObject({ status: 413, type: 'request_too_large' });
    const ledger = opened.client.sandbox.ledger();
    expect(ledger.providers.anthropic).toMatchObject({ realtimeCalls: 6, rowsCharged: 4 });
  });
});
