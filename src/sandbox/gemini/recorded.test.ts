import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type GeminiTestClient, type Json, openGeminiClient, parsed } from './test-client.ts';

const recorded = parsed(
  readFileSync(new URL('../../../test/fixtures/recorded/curator.gemini_batch_response.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n'),
);

/** In the recording, which comes from Vertex AI in January 2025, but not in the Developer API's answers (section 3.5). */
const VERTEX_ONLY = new Set(['.createTime', '.candidates[0].avgLogprobs']);
/** Documented for the Developer API, not in the recording. */
const OURS_ONLY = new Set(['.candidates[0].index', '.usageMetadata.thoughtsTokenCount']);

/** Names and types, to any depth. */
function expectShape(real: unknown, ours: unknown, at = ''): void {
  expect(typeof ours, at).toBe(typeof real);
  if (Array.isArray(real)) {
    expectShape(real[0], (ours as unknown[])[0], `${at}[0]`);
  } else if (typeof real === 'object' && real !== null) {
    const realKeys = Object.keys(real).filter((key) => !VERTEX_ONLY.has(`${at}.${key}`));
    const ourKeys = Object.keys(ours as Json).filter((key) => !OURS_ONLY.has(`${at}.${key}`));
    expect(ourKeys.sort(), at).toEqual(realKeys.sort());
    for (const key of realKeys) expectShape((real as Json)[key], (ours as Json)[key], `${at}.${key}`);
  }
}

let client: GeminiTestClient;
beforeEach(async () => {
  client = await openGeminiClient();
});
afterEach(() => client.close());

test('answers recorded requests in the shape of the recorded responses', async () => {
  expect(recorded.length).toBeGreaterThan(0);
  const rows = recorded.map((line) => ({ key: line.custom_id, request: line.request }));
  const operation = await client.waitForEnd(await client.createFromLines(rows));
  const results = parsed(await client.lines(operation));
  expect(results.map((result) => result.key)).toEqual(recorded.map((line) => line.custom_id));
  for (const [i, result] of results.entries()) expectShape(recorded[i]?.response, result.response);
});
