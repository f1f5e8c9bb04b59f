import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { testProvider } from '../../testing/test-provider.ts';
import { createGeminiProvider, type GeminiProviderOptions } from './gemini-provider.ts';

function make(options: GeminiProviderOptions = {}) {
  return async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'offpeak-gemini-'));
    const sandbox = await startSandbox({ stateDir, delays: { validatingMs: 1000, inProgressMs: 60_000 } });
    return {
      provider: createGeminiProvider({ apiKey: 'gemini-sandbox', baseUrl: sandbox.url, simulated: true, ...options }),
      passTime: () => sandbox.advance(20_000),
      async close() {
        await sandbox.close();
        await rm(stateDir, { recursive: true, force: true });
      },
    };
  };
}

const capabilities = {
  chatModel: 'gemini-2.5-flash',
  visionModel: 'gemini-2.5-flash',
  embeddingModel: 'gemini-embedding-001',
  unknownModel: 'no-such-model',
  schema: true,
  refusedRequest: {
    type: 'chat',
    model: 'gemini-2.5-flash',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
    temperature: 9,
  },
} as const;

testProvider('gemini', make(), capabilities);
testProvider('gemini over fetch', make({ fetch: globalThis.fetch }), capabilities);
testProvider('gemini without a batch API', make({ batchApi: false }), capabilities);

const start = make();

test('embeddings travel in batches of their own, one text a request', async () => {
  const under = await start();
  try {
    const { provider } = under;
    const api = provider.batch;
    if (!api?.upload) throw new Error('no batch API');
    const wires = ['a cat', 'a train'].map((text) =>
      provider.toWire({ type: 'embedding', model: 'gemini-embedding-001', input: [text], dimensions: 16 }),
    );
    const endpoint = wires[0]?.endpoint ?? '';
    const rows = wires.map(({ body }, i) => ({ customId: `op-abcdefghij-${i + 1}-1`, body }));
    async function* requests() {
      yield* rows;
    }
    const bytes = rows.reduce((sum, row) => sum + api.lineBytes(row.body.length, row.customId, endpoint), 0);
    const input = { endpoint, requests, bytes };
    const { fileId } = await api.upload({ ...input, fileName: 'offpeak-abcdefghij.jsonl' });
    const created = await api.create({ ...input, fileId, nonce: 'abcdefghij' });
    expect(created).toMatchObject({ phase: 'running', nonce: 'abcdefghij', model: 'gemini-embedding-001' });
    let batch = created;
    while (batch.phase === 'running') {
      await under.passTime();
      batch = await api.get(created.remoteId);
    }
    expect(batch).toMatchObject({ phase: 'ended', counts: { total: 2, succeeded: 2, failed: 0 } });
    const vectors = new Map<string | undefined, number[]>();
    for await (const { customId, outcome } of api.results(batch)) {
      vectors.set(customId, outcome.type === 'succeeded' ? JSON.parse(outcome.output) : []);
    }
    expect([...vectors.keys()].sort()).toEqual(rows.map((row) => row.customId));
    for (const vector of vectors.values()) expect(vector).toHaveLength(16);

    await api.remove?.(created.remoteId);
    await expect(api.get(created.remoteId)).rejects.toMatchObject({ code: 'not_found' });
    await expect(api.remove?.(created.remoteId)).rejects.toMatchObject({ code: 'not_found' });
  } finally {
    await under.close();
  }
});

test('a batch of several texts a request is turned down before anything is sent', async () => {
  const under = await start();
  try {
    const { provider } = under;
    const wire = provider.toWire({ type: 'embedding', model: 'gemini-embedding-001', input: ['a', 'b'] });
    async function* requests() {
      yield { customId: 'a', body: wire.body };
    }
    const input = { endpoint: wire.endpoint, requests, bytes: 1 };
    const refused = { code: 'batch_unavailable' };
    await expect(provider.batch?.upload?.({ ...input, fileName: 'x' })).rejects.toMatchObject(refused);
    await expect(provider.batch?.create({ ...input, fileId: 'files/a', nonce: 'n' })).rejects.toMatchObject(refused);
    const signal = new AbortController().signal;
    expect(await provider.call(wire, { timeoutMs: 5000, signal })).toMatchObject({ type: 'succeeded' });
  } finally {
    await under.close();
  }
});

test('a wrong key is the fault of the account, everywhere', async () => {
  const under = await start();
  try {
    const { address } = await under.provider.check();
    const apiKey = 'invalid-canary-0123456789';
    const provider = createGeminiProvider({ apiKey, baseUrl: address });
    const wire = provider.toWire({ type: 'embedding', model: 'gemini-embedding-001', input: ['a'] });
    async function* requests() {
      yield { customId: 'a', body: wire.body };
    }
    const input = { endpoint: wire.endpoint, requests, bytes: 100 };
    const signal = new AbortController().signal;
    for (const attempt of [
      () => provider.check(),
      () => provider.call(wire, { timeoutMs: 5000, signal }),
      () => provider.batch?.upload?.({ ...input, fileName: 'x' }),
      () => provider.batch?.create({ ...input, fileId: 'files/a', nonce: 'n' }),
      () => provider.batch?.get('batches/a'),
    ]) {
      const error = await Promise.resolve(attempt()).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'auth', retryable: false });
      expect(String(error)).not.toContain('canary');
    }
  } finally {
    await under.close();
  }
});

test('the account is the address and the key', () => {
  const apiKey = 'gemini-canary-0123456789';
  const account = (options: GeminiProviderOptions) => createGeminiProvider(options).account;
  const mine = account({ apiKey, baseUrl: 'https://Example.com' });
  expect(mine).toMatch(/^gemini:[0-9a-f]{16}$/);
  expect(account({ apiKey: ` ${apiKey}\n`, baseUrl: 'https://example.com:443/v1beta/' })).toBe(mine);
  expect(account({ apiKey: 'other', baseUrl: 'https://example.com' })).not.toBe(mine);
  expect(account({ apiKey, baseUrl: 'https://example.org' })).not.toBe(mine);
  const sandbox = (port: number) => account({ scope: 'sandbox', baseUrl: `http://127.0.0.1:${port}` });
  expect(sandbox(1)).toBe(sandbox(2));
});

test.each(['ftp://x', 'nonsense', 'https://user:pass@x', 'https://x/?key=1'])('%s is no base URL', (baseUrl) => {
  expect(() => createGeminiProvider({ baseUrl })).toThrow(expect.objectContaining({ code: 'config' }));
});

test('without batchApi there is none, and limits can be set', () => {
  expect(createGeminiProvider({ batchApi: false })).not.toHaveProperty('batch');
  expect(createGeminiProvider({ limits: { maxRequests: 5 } }).batch?.limits).toMatchObject({
    maxRequests: 5,
    maxBytes: 2_000_000_000,
    enqueued: { unit: 'tokens', scope: 'model' },
  });
});
