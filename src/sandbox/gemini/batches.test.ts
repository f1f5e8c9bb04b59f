import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  CREATE,
  content,
  type GeminiTestClient,
  inlinedOf,
  inlineRow,
  type Json,
  keyedRow,
  keyedRows,
  MODEL,
  metadataOf,
  openGeminiClient,
  parsed,
} from './test-client.ts';

const HOUR_MS = 3_600_000;

let client: GeminiTestClient;
const open = async (options: Parameters<typeof openGeminiClient>[0] = {}): Promise<void> => {
  await client.close();
  client = await openGeminiClient(options);
};
beforeEach(async () => {
  client = await openGeminiClient();
});
afterEach(() => client.close());

const keysOf = (lines: readonly string[]): unknown[] => parsed(lines).map((line) => line.key);
describe('Gemini batches', () => {
  test('file in, file out, in the order of the input', async () => {
    const name = await client.createFromLines(keyedRows(250));
    expect(name).toMatch(/^batches\/[a-z0-9]+$/);
    const operation = await client.waitForEnd(name);
    const metadata = metadataOf(operation);
    const output = { responsesFile: `files/batch-${name.slice('batches/'.length)}` };
    expect(operation).toEqual({
      name,
      metadata: {
        '@type': metadata['@type'],
        name,
        model: `models/${MODEL}`,
        displayName: 'test',
        state: 'BATCH_STATE_SUCCEEDED',
        createTime: metadata.createTime,
        endTime: metadata.endTime,
        updateTime: metadata.endTime,
        batchStats: {
          requestCount: '250',
          successfulRequestCount: '250',
          failedRequestCount: '0',
          pendingRequestCount: '0',
        },
        inputConfig: metadata.inputConfig,
        output,
      },
      done: true,
      response: { '@type': expect.any(String) as unknown, ...output },
    });
    const lines = await client.lines(operation);
    expect(keysOf(lines)).toEqual(keyedRows(250).map((row) => row.key));
    expect(parsed(lines)[0]).toMatchObject({
      response: { candidates: [{ finishReason: 'STOP' }], modelVersion: MODEL },
    });
    const file = (await client.call('GET', `/v1beta/${output.responsesFile}`)).json;
    expect(file).toMatchObject({ source: 'GENERATED', mimeType: 'application/jsonl' });
    expect(client.sandbox.ledger().providers.gemini).toMatchObject({ createCalls: 1, creates: 1, rowsCharged: 250 });
  });

  test('inline in, inline out, metadata echoed, everything twice and in the list as well', async () => {
    const bare = { request: content('No metadata.') };
    const name = await client.createInline([inlineRow('a'), bare, { request: {}, metadata: { key: 'c', n: '1' } }]);
    const operation = await client.waitForEnd(name);
    const [a, b, c] = inlinedOf(operation);
    expect(a).toMatchObject({ metadata: { key: 'a' }, response: { candidates: [{}] } });
    expect(b).not.toHaveProperty('metadata');
    expect(c).toMatchObject({ metadata: { key: 'c', n: '1' }, error: { code: 400 } });
    expect(metadataOf(operation)).toMatchObject({
      output: { inlinedResponses: { inlinedResponses: [a, b, c] } },
      batchStats: { successfulRequestCount: '2', failedRequestCount: '1' },
      inputConfig: { requests: { requests: [inlineRow('a'), bare, {}] } },
    });
    const list = (await client.call('GET', '/v1beta/batches')).json;
    expect(list.operations).toEqual([operation]);
  });

  test('lines without key get none; duplicate keys are both answered; bad rows carry a status', async () => {
    const lines = [{ request: content('No key.') }, content('Bare.'), keyedRow('k'), keyedRow('k'), { key: 'empty' }];
    const operation = await client.waitForEnd(await client.createFromLines(lines));
    const results = parsed(await client.lines(operation));
    expect(results.map((result) => Object.keys(result))).toEqual([
      ['response'],
      ['response'],
      ['key', 'response'],
      ['key', 'response'],
      ['key', 'error'],
    ]);
    expect(results[4]?.error).toEqual({ code: 400, message: expect.any(String) as unknown });
  });

  test('a line that is not JSON fails the batch', async () => {
    const operation = await client.waitForEnd(await client.createFromLines([keyedRow('a'), '{"key":']));
    expect(operation).toMatchObject({ done: true, error: { code: 3 }, metadata: { state: 'BATCH_STATE_FAILED' } });
    expect(operation).not.toHaveProperty('response');
    expect(metadataOf(operation)).not.toHaveProperty('output');
  });

  test('embeds', async () => {
    const fileName = await client.upload(
      `${JSON.stringify({ key: 'a', request: { content: { parts: [{ text: 'cat' }] }, output_dimensionality: 4 } })}\n`,
    );
    const path = '/v1beta/models/gemini-embedding-001:asyncBatchEmbedContent';
    const created = await client.call('POST', path, {
      batch: { display_name: 'e', input_config: { file_name: fileName } },
    });
    const operation = await client.waitForEnd(String(created.json.name));
    const [line] = parsed(await client.lines(operation));
    expect(line).toMatchObject({ key: 'a', response: { embedding: { values: expect.any(Array) as unknown } } });
    expect(client.sandbox.ledger().unpricedRows).toBe(0);
  });

  test('cached tokens cost the same in a batch, all others half', async () => {
    const request = content('Whales sing.', { cachedContent: 'cachedContents/x' });
    const config = { generationConfig: { thinkingConfig: { thinkingBudget: 0 } } };
    await client.waitForEnd(await client.createFromLines([{ key: 'a', request: { ...request, ...config } }]));
    // gemini-2.5-flash-lite: 0.1 in, 0.4 out, 0.01 cached USD per million tokens.
    expect(client.sandbox.ledger()).toMatchObject({
      inputTokens: 2051,
      outputTokens: 3,
      chargedNanoUsd: (3 * 100 + 3 * 400) / 2 + 2048 * 10,
    });
  });

  test('goes through pending and running, advances its counts, expires after 48 hours with nothing', async () => {
    await open({ delays: { validatingMs: HOUR_MS, inProgressMs: 96 * HOUR_MS } });
    const name = await client.createFromLines(keyedRows(10), { priority: 5 });
    const read = async (): Promise<Json> => (await client.call('GET', `/v1beta/${name}`)).json;
    const pending = await read();
    expect(pending).not.toHaveProperty('done');
    expect(metadataOf(pending)).toMatchObject({ state: 'BATCH_STATE_PENDING', priority: '5' });
    expect(metadataOf(pending)).not.toHaveProperty('endTime');
    client.sandbox.advance(25 * HOUR_MS);
    while (metadataOf(await read()).state === 'BATCH_STATE_PENDING') await new Promise((done) => setImmediate(done));
    expect(metadataOf(await read())).toMatchObject({
      state: 'BATCH_STATE_RUNNING',
      batchStats: { requestCount: '10', pendingRequestCount: '10' },
    });
    client.sandbox.advance(24 * HOUR_MS);
    const expired = await read();
    expect(expired).toMatchObject({ done: true, metadata: { state: 'BATCH_STATE_EXPIRED' } });
    for (const part of ['response', 'error']) expect(expired).not.toHaveProperty(part);
    expect(metadataOf(expired)).not.toHaveProperty('output');
    expect(client.sandbox.ledger()).toMatchObject({ rowsCharged: 0, chargedNanoUsd: 0 });
  });

  test('cancel and delete stop the work; a cancel too late changes nothing', async () => {
    await open({ delays: { inProgressMs: HOUR_MS } });
    const cancelled = await client.createFromLines(keyedRows(3));
    const deleted = await client.createFromLines(keyedRows(3));
    expect(await client.call('POST', `/v1beta/${cancelled}:cancel`, {})).toMatchObject({ status: 200, text: '{}' });
    expect(await client.call('DELETE', `/v1beta/${deleted}`)).toMatchObject({ status: 200, text: '{}' });
    const operation = await client.waitForEnd(cancelled);
    expect(metadataOf(operation).state).toBe('BATCH_STATE_CANCELLED');
    expect(operation).not.toHaveProperty('response');
    expect((await client.call('GET', `/v1beta/${deleted}`)).status).toBe(404);
    expect((await client.call('POST', `/v1beta/${deleted}:cancel`, {})).status).toBe(404);
    expect((await client.call('GET', '/v1beta/batches')).json.operations).toHaveLength(1);
    const late = await client.createFromLines(keyedRows(1));
    client.sandbox.advance(2 * HOUR_MS);
    const done = await client.waitForEnd(late);
    expect((await client.call('POST', `/v1beta/${late}:cancel`, {})).status).toBe(200);
    expect(await client.waitForEnd(late)).toEqual(done);
    expect(client.sandbox.ledger()).toMatchObject({ rowsCharged: 1, creates: 3 });
  });

  test('lists newest first by pages, hides on demand, keeps accounts apart', async () => {
    const names: string[] = [];
    for (let i = 0; i < 5; i++) names.unshift(await client.createInline([inlineRow('a')], { displayName: `n${i}` }));
    const listed: unknown[] = [];
    let token: unknown = '';
    while (token !== undefined) {
      const { json } = await client.call('GET', `/v1beta/batches?pageSize=2&pageToken=${String(token)}`);
      listed.push(...(json.operations as Json[]).map((operation) => operation.name));
      token = json.nextPageToken;
    }
    expect(listed).toEqual(names);
    client.sandbox.setFaults({
      routes: [{ method: 'GET', path: '/v1beta/batches', fault: { type: 'hide', ms: HOUR_MS } }],
    });
    expect((await client.call('GET', '/v1beta/batches')).json).toEqual({});
    const other = { 'x-goog-api-key': 'other' };
    expect((await client.call('GET', '/v1beta/batches', undefined, other)).json).toEqual({});
    expect((await client.call('GET', `/v1beta/${names[0]}`, undefined, other)).status).toBe(404);
    expect((await client.call('GET', '/v1beta/batches?pageToken=bm9uZQ')).status).toBe(400);
  });

  test('refuses at create what it can see: queue full, no file, nothing in it, too much inline', async () => {
    await open({ limits: { enqueuedTokens: 100, geminiInlineBytes: 2000 }, delays: { inProgressMs: HOUR_MS } });
    const create = (inputConfig: Json, path = CREATE) => client.call('POST', path, { batch: { inputConfig } });
    const fileName = await client.upload(
      keyedRows(3)
        .map((row) => JSON.stringify(row))
        .join('\n'),
    );
    const first = await create({ fileName });
    const full = await create({ fileName });
    expect(full).toMatchObject({ status: 429, json: { error: { status: 'RESOURCE_EXHAUSTED' } } });
    const otherModel = '/v1beta/models/gemini-2.5-pro:batchGenerateContent';
    expect((await create({ fileName }, otherModel)).status).toBe(200);
    client.sandbox.advance(2 * HOUR_MS);
    await client.waitForEnd(String(first.json.name));
    expect((await create({ fileName })).status).toBe(200);
    expect((await create({ fileName: 'files/none' })).status).toBe(404);
    expect((await create({})).status).toBe(400);
    expect((await create({ requests: { requests: [] } })).status).toBe(400);
    expect((await create({ requests: { requests: Array(50).fill(inlineRow('a')) } })).status).toBe(400);
    expect((await create({ fileName }, '/v1beta/models/no-such-model:batchGenerateContent')).status).toBe(404);
  });
});
