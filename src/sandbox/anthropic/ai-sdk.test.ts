import { createAnthropic } from '@ai-sdk/anthropic';
import {
  experimental_cancelBatch as cancelBatch,
  generateText,
  experimental_getBatchResults as getBatchResults,
  experimental_getBatchStatus as getBatchStatus,
  experimental_listBatches as listBatches,
  experimental_startBatch as startBatch,
} from 'ai';
import { afterEach, describe, expect, test } from 'vitest';
import { type AnthropicTestClient, openAnthropicClient } from './test-client.ts';

const MODEL = 'claude-haiku-4-5';

// A second client that was written against the real service, unchanged.
describe('the AI SDK', () => {
  let opened: AnthropicTestClient;
  afterEach(() => opened.client.close());

  function provider() {
    return createAnthropic({ apiKey: 'sk-ant-test', baseURL: `${opened.client.sandbox.url}/v1` });
  }

  function requests() {
    return ['Cats sleep.', 'Dogs bark.'].map((prompt, i) => ({
      id: `row-${i + 1}`,
      type: 'text' as const,
      model: MODEL,
      prompt,
      maxOutputTokens: 50,
    }));
  }

  test('starts a batch, follows it and reads every result', async () => {
    opened = await openAnthropicClient();
    const batch = await startBatch({ provider: provider(), requests: requests() });
    await opened.waitForEnd(batch.id);
    expect(await getBatchStatus({ provider: provider(), batch })).toMatchObject({ status: 'completed' });
    const found = [];
    for await (const item of getBatchResults({ provider: provider(), batch })) found.push(item);
    found.sort((a, b) => a.id.localeCompare(b.id));
    expect(found).toMatchObject([
      { id: 'row-1', status: 'succeeded', text: 'Cats sleep.', finishReason: 'stop' },
      { id: 'row-2', status: 'succeeded', text: 'Dogs bark.' },
    ]);
    const { batches } = await listBatches({ provider: provider() });
    expect(batches.map(({ id }) => id)).toEqual([batch.id]);
  });

  test('cancels a batch: its rows come back as cancelled', async () => {
    opened = await openAnthropicClient({ delays: { validatingMs: 60_000, cancellingMs: 1000 } });
    const batch = await startBatch({ provider: provider(), requests: requests() });
    await cancelBatch({ provider: provider(), batch });
    opened.client.sandbox.advance(2000);
    await opened.waitForEnd(batch.id);
    const found = [];
    for await (const item of getBatchResults({ provider: provider(), batch })) found.push(item.status);
    expect(found).toEqual(['cancelled', 'cancelled']);
  });

  test('calls in realtime', async () => {
    opened = await openAnthropicClient();
    const { text, usage } = await generateText({ model: provider()(MODEL), prompt: 'Cats sleep.', maxRetries: 0 });
    expect(text).toBe('Cats sleep.');
    expect(usage).toMatchObject({ inputTokens: 3, outputTokens: 3 });
  });
});
