import { createOpenAI } from '@ai-sdk/openai';
import {
  experimental_cancelBatch as cancelBatch,
  experimental_getBatchResults as getBatchResults,
  experimental_getBatchStatus as getBatchStatus,
  experimental_startBatch as startBatch,
} from 'ai';
import { afterEach, describe, expect, test } from 'vitest';
import { openTestClient, type TestClient } from '../test-client.ts';

// A second client that was written against the real service, unchanged.
describe('the AI SDK', () => {
  let client: TestClient;
  afterEach(() => client.close());

  function provider() {
    return createOpenAI({ apiKey: 'sk-test', baseURL: `${client.sandbox.url}/v1` });
  }

  function requests() {
    return ['Cats sleep.', 'Dogs bark.'].map((prompt, i) => ({
      id: `row-${i + 1}`,
      type: 'text' as const,
      model: 'gpt-5-mini',
      prompt,
    }));
  }

  test('starts a batch, follows it and reads every result', async () => {
    client = await openTestClient();
    const batch = await startBatch({ provider: provider(), requests: requests() });
    await client.waitForEnd(batch.id);
    expect(await getBatchStatus({ provider: provider(), batch })).toMatchObject({ status: 'completed' });
    const found = [];
    for await (const item of getBatchResults({ provider: provider(), batch })) found.push(item);
    found.sort((a, b) => a.id.localeCompare(b.id));
    expect(found).toMatchObject([
      { id: 'row-1', status: 'succeeded', text: 'Cats sleep.' },
      { id: 'row-2', status: 'succeeded', text: 'Dogs bark.' },
    ]);
  });

  test('cancels a batch: its rows come back as cancelled', async () => {
    client = await openTestClient({ delays: { inProgressMs: 60_000 } });
    const batch = await startBatch({ provider: provider(), requests: requests() });
    for (let status = ''; status !== 'in_progress'; ) {
      status = String((await client.call('GET', `/v1/batches/${batch.id}`)).json.status);
    }
    await cancelBatch({ provider: provider(), batch });
    await client.waitForEnd(batch.id);
    const found = [];
    for await (const item of getBatchResults({ provider: provider(), batch })) found.push(item.status);
    expect(found).toEqual(['cancelled', 'cancelled']);
  });
});
