import { createGoogle } from '@ai-sdk/google';
import {
  experimental_cancelBatch as cancelBatch,
  embedMany,
  generateText,
  experimental_getBatchResults as getBatchResults,
  experimental_getBatchStatus as getBatchStatus,
  experimental_listBatches as listBatches,
  experimental_startBatch as startBatch,
} from 'ai';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GeminiTestClient, KEY, MODEL, openGeminiClient } from './test-client.ts';

// The AI SDK, unchanged: it knows the API from its own reading, so it checks ours.
describe('the AI SDK', () => {
  let client: GeminiTestClient;
  let google: ReturnType<typeof createGoogle>;
  beforeEach(async () => {
    client = await openGeminiClient();
    google = createGoogle({ apiKey: KEY, baseURL: `${client.sandbox.url}/v1beta` });
  });
  afterEach(() => client.close());
  const request = (id: string, prompt = `Text of ${id}.`) => ({ id, type: 'text' as const, model: MODEL, prompt });
  const collect = async (batch: Parameters<typeof getBatchResults>[0]['batch']) => {
    const results = [];
    for await (const result of getBatchResults({ provider: google, batch })) results.push(result);
    return results;
  };

  test('starts an inline batch, asks for its status, reads its results', async () => {
    client.sandbox.setFaults({
      rows: [
        { match: { customId: 'b' }, fault: { type: 'error', status: 500, message: 'Broken.' } },
        { match: { customId: 'c' }, fault: { type: 'refusal' } },
      ],
    });
    const batch = await startBatch({ provider: google, requests: [request('a'), request('b'), request('c')] });
    expect(batch).toMatchObject({ status: 'pending', rawStatus: 'BATCH_STATE_PENDING' });
    await client.waitForEnd(batch.id);
    expect(await getBatchStatus({ provider: google, batch })).toMatchObject({
      status: 'completed',
      requestCounts: { total: 3, completed: 2, failed: 1 },
    });
    expect(await collect(batch)).toMatchObject([
      { id: 'a', status: 'succeeded', text: 'Text of a.', finishReason: 'stop', usage: { inputTokens: 3 } },
      { id: 'b', status: 'failed', error: { code: '500', message: 'Broken.' } },
      { id: 'c', status: 'failed', error: { code: 'prompt_blocked' } },
    ]);
    const { batches } = await listBatches({ provider: google });
    expect(batches.map((listed) => listed.id)).toEqual([batch.id]);
  });

  test('more than 20 MB goes by way of a file', async () => {
    const text = 'word '.repeat(1_100_000);
    const requests = Array.from({ length: 4 }, (_, i) => request(`row-${i}`, text));
    const batch = await startBatch({ provider: google, requests });
    const operation = await client.waitForEnd(batch.id);
    expect(operation.response).toHaveProperty('responsesFile');
    expect((await collect(batch)).map((result) => result.id)).toEqual(requests.map((row) => row.id));
  });

  test('cancels', async () => {
    await client.close();
    client = await openGeminiClient({ delays: { inProgressMs: 60_000 } });
    google = createGoogle({ apiKey: KEY, baseURL: `${client.sandbox.url}/v1beta` });
    const batch = await startBatch({ provider: google, requests: [request('a')] });
    await cancelBatch({ provider: google, batch });
    await client.waitForEnd(batch.id);
    expect(await getBatchStatus({ provider: google, batch })).toMatchObject({ rawStatus: 'BATCH_STATE_CANCELLED' });
    expect(await collect(batch)).toEqual([]);
  });

  test('realtime text and embeddings', async () => {
    const { text, usage } = await generateText({ model: google(MODEL), prompt: 'Dogs bark at night.' });
    expect(text).toBe('Dogs bark at night.');
    expect(usage.inputTokens).toBe(5);
    const { embeddings } = await embedMany({
      model: google.embeddingModel('gemini-embedding-001'),
      values: ['a', 'b'],
    });
    expect(embeddings.map((vector) => vector.length)).toEqual([3072, 3072]);
  });
});
