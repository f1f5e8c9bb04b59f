import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, type BatchJob, GoogleGenAI } from '@google/genai';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { content, type GeminiTestClient, inlineRow, KEY, keyedRows, MODEL, openGeminiClient } from './test-client.ts';

// The official client, unchanged: what it accepts and how it names errors is the contract. Left alone, version 3.1 asks
// for `/v1`, while the service documents `/v1beta`.
describe.each([undefined, 'v1beta'])('the official SDK with version %s', (apiVersion) => {
  let client: GeminiTestClient;
  let genai: GoogleGenAI;
  let folder: string;
  const connect = (apiKey: string): GoogleGenAI =>
    new GoogleGenAI({
      apiKey,
      httpOptions: { baseUrl: client.sandbox.url },
      ...(apiVersion === undefined ? {} : { apiVersion }),
    });

  beforeEach(async () => {
    client = await openGeminiClient();
    genai = connect(KEY);
    folder = mkdtempSync(join(tmpdir(), 'offpeak-gemini-'));
  });
  afterEach(async () => {
    await client.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const finished = async (job: BatchJob): Promise<BatchJob> => {
    await client.waitForEnd(job.name ?? '');
    return genai.batches.get({ name: job.name ?? '' });
  };
  const errorOf = async (promise: Promise<unknown>): Promise<ApiError> => {
    const error = await promise.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    return error as ApiError;
  };

  test('uploads from a path in several chunks, runs a batch, downloads', async () => {
    const path = join(folder, 'in.jsonl');
    const rows = keyedRows(3).map((row) => ({ ...row, request: content('word '.repeat(700_000)) }));
    const input = rows.map((row) => JSON.stringify(row)).join('\n');
    writeFileSync(path, input);
    const file = await genai.files.upload({
      file: path,
      config: { mimeType: 'application/jsonl', name: 'my-input', displayName: 'My input' },
    });
    expect(file).toMatchObject({ name: 'files/my-input', displayName: 'My input', sizeBytes: String(input.length) });
    const job = await genai.batches.create({ model: MODEL, src: 'files/my-input', config: { displayName: 'nightly' } });
    expect(job).toMatchObject({ state: 'JOB_STATE_PENDING', displayName: 'nightly', model: `models/${MODEL}` });
    const ended = await finished(job);
    expect(ended.state).toBe('JOB_STATE_SUCCEEDED');
    const target = join(folder, 'out.jsonl');
    await genai.files.download({ file: ended.dest?.fileName ?? '', downloadPath: target });
    expect(readFileSync(target, 'utf8').trim().split('\n')).toHaveLength(3);
    expect((await genai.files.get({ name: 'my-input' })).state).toBe('ACTIVE');
    await genai.files.delete({ name: 'files/my-input' });
    expect((await errorOf(genai.files.get({ name: 'files/my-input' }))).status).toBe(404);
  });

  test('uploads a blob, lists files by pages', async () => {
    const names: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      const file = new Blob([`{"n":${i}}`], { type: 'application/jsonl' });
      names.unshift((await genai.files.upload({ file })).name);
    }
    const listed: unknown[] = [];
    for await (const file of await genai.files.list({ config: { pageSize: 2 } })) listed.push(file.name);
    expect(listed).toEqual(names);
  });

  test('inline batches: create, list by pages, cancel, delete', async () => {
    const src = [{ contents: [{ role: 'user', parts: [{ text: 'Hello there.' }] }], metadata: { key: 'a' } }];
    const config = { systemInstruction: 'Be brief.', temperature: 0.1 };
    const job = await genai.batches.create({ model: MODEL, src: [{ ...src[0], config }] });
    const ended = await finished(job);
    const [result] = ended.dest?.inlinedResponses ?? [];
    expect(result?.metadata).toEqual({ key: 'a' });
    expect(result?.response?.candidates?.[0]?.content?.parts?.[0]?.text).toBe('Hello there.');
    const more: unknown[] = [job.name];
    for (let i = 0; i < 4; i++) more.unshift((await genai.batches.create({ model: MODEL, src })).name);
    const listed: unknown[] = [];
    for await (const batch of await genai.batches.list({ config: { pageSize: 2 } })) listed.push(batch.name);
    expect(listed).toEqual(more);
    await genai.batches.cancel({ name: String(more[0]) });
    await genai.batches.delete({ name: String(more[0]) });
    expect((await errorOf(genai.batches.get({ name: String(more[0]) }))).status).toBe(404);
  });

  test('embeddings by batch', async () => {
    const job = await genai.batches.createEmbeddings({
      model: 'gemini-embedding-001',
      src: { inlinedRequests: { contents: ['a cat', 'a dog'], config: { outputDimensionality: 8 } } },
    });
    const responses = (await finished(job)).dest?.inlinedEmbedContentResponses ?? [];
    expect(responses.map((item) => item.response?.embedding?.values?.length)).toEqual([8, 8]);
  });

  test('realtime: content, JSON by schema, embeddings, models', async () => {
    const answer = await genai.models.generateContent({ model: 'gemini-3.8-flash', contents: 'Dogs bark at night.' });
    expect(answer.text).toBe('Dogs bark at night.');
    expect(answer.usageMetadata?.thoughtsTokenCount).toBeGreaterThan(0);
    const json = await genai.models.generateContent({
      model: MODEL,
      contents: 'Dogs bark at night.',
      config: {
        responseMimeType: 'application/json',
        responseJsonSchema: { type: 'object', properties: { n: { type: 'integer' } } },
      },
    });
    expect(json.text).toBe('{"n":1}');
    for (const model of ['gemini-embedding-001', 'gemini-embedding-2']) {
      const { embeddings } = await genai.models.embedContent({ model, contents: 'a cat' });
      expect(embeddings?.[0]?.values).toHaveLength(3072);
    }
    const names: unknown[] = [];
    for await (const model of await genai.models.list()) names.push(model.name);
    expect(names).toContain('models/gemini-3.8-flash');
  });

  test('maps errors to its class, with the body as message', async () => {
    const bad = await errorOf(connect('AIza-invalid').batches.list());
    expect(bad.status).toBe(400);
    expect(bad.message).toContain('API_KEY_INVALID');
    expect(
      (await errorOf(genai.models.generateContent({ model: MODEL, contents: 'x', config: { temperature: 3 } }))).status,
    ).toBe(400);
    expect((await errorOf(genai.batches.get({ name: 'batches/none' }))).status).toBe(404);
    client.sandbox.setFaults({
      routes: [
        {
          method: 'POST',
          path: `/${apiVersion ?? 'v1'}/models/*:batchGenerateContent`,
          fault: { type: 'status', status: 429 },
        },
      ],
    });
    const limited = await errorOf(genai.batches.create({ model: MODEL, src: [inlineRow('a').request as object] }));
    expect(limited.status).toBe(429);
    expect(limited.message).toContain('RESOURCE_EXHAUSTED');
  });
});
