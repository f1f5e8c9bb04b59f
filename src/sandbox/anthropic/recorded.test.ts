import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../test-client.ts';
import { type AnthropicTestClient, BATCHES, openAnthropicClient } from './test-client.ts';

interface Exchange {
  method: string;
  uri: string;
  request_body: string;
  body: string;
}

const FILE = '../../../test/fixtures/recorded/curator.recorded-http.anthropic.basic_batch_completion.jsonl';
const exchanges = readFileSync(new URL(FILE, import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Exchange);

/** Names and types, to any depth; `null` fits every type because the real service uses it for "not yet". */
function expectShape(real: unknown, ours: unknown, at = ''): void {
  if (real === null || ours === null) return;
  expect(typeof ours, at).toBe(typeof real);
  if (Array.isArray(real)) {
    expectShape(real[0], (ours as unknown[])[0], `${at}[0]`);
    return;
  }
  if (typeof real !== 'object') return;
  for (const [key, value] of Object.entries(real as Json)) {
    expect(Object.keys(ours as Json), at).toContain(key);
    expectShape(value, (ours as Json)[key], `${at}.${key}`);
  }
}

describe('against recorded exchanges of the real service', () => {
  let opened: AnthropicTestClient;
  beforeEach(async () => {
    opened = await openAnthropicClient();
  });
  afterEach(() => opened.client.close());

  test('replays a whole batch: bytes of the real create in, shapes of the real answers out', async () => {
    const [create] = exchanges;
    const created = await opened.call('POST', BATCHES, create?.request_body);
    const realCreated = JSON.parse(create?.body ?? '') as Json;
    expectShape(realCreated, created.json);
    expect(Object.keys(created.json)).toEqual(Object.keys(realCreated));
    for (const key of ['request_counts', 'processing_status', 'ended_at', 'results_url', 'cancel_initiated_at']) {
      expect(created.json[key], key).toEqual(realCreated[key]);
    }
    const window = (batch: Json): number => Date.parse(String(batch.expires_at)) - Date.parse(String(batch.created_at));
    expect(window(created.json)).toBe(window(realCreated));

    const batch = await opened.waitForEnd(String(created.json.id));
    const realEnd = JSON.parse(exchanges.at(-2)?.body ?? '') as Json;
    expectShape(realEnd, batch);
    expect(batch.request_counts).toEqual(realEnd.request_counts);

    const realLines = exchanges.at(-1)?.body.trim().split('\n') ?? [];
    const lines = await opened.results(String(batch.id));
    expect(lines.map((line) => line.custom_id).sort()).toEqual(['0', '1', '2']);
    expect(lines).toHaveLength(realLines.length);
    for (const line of lines) expectShape(JSON.parse(realLines[0] ?? ''), line);
  });

  test('counts do not move before the end, as recorded', () => {
    const seen = exchanges
      .filter(({ method, uri }) => method === 'GET' && !uri.endsWith('/results'))
      .map(({ body }) => JSON.parse(body) as { processing_status: string; request_counts: { processing: number } });
    const moved = seen.filter(({ processing_status: status, request_counts: { processing } }) =>
      status === 'ended' ? processing !== 0 : processing !== 3,
    );
    expect(seen.length).toBeGreaterThan(10);
    expect(moved).toEqual([]);
  });
});
