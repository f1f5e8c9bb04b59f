import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Provider } from '../../provider.ts';
import { type SandboxOptions, startSandbox } from '../../sandbox/sandbox.ts';
import { testProvider } from '../../testing/test-provider.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { type AnthropicProviderOptions, createAnthropicProvider } from './anthropic-provider.ts';

function make(options: AnthropicProviderOptions = {}, limits: SandboxOptions['limits'] = {}) {
  return async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'offpeak-anthropic-'));
    const sandbox = await startSandbox({ stateDir, limits, delays: { validatingMs: 1000, inProgressMs: 60_000 } });
    return {
      provider: createAnthropicProvider({
        apiKey: 'sk-ant-sandbox',
        baseUrl: sandbox.url,
        simulated: true,
        ...options,
      }),
      passTime: () => sandbox.advance(20_000),
      async close() {
        await sandbox.close();
        await rm(stateDir, { recursive: true, force: true });
      },
    };
  };
}

const capabilities = {
  chatModel: 'claude-sonnet-5-5',
  visionModel: 'claude-sonnet-5-5',
  unknownModel: 'no-such-model',
  schema: true,
  refusedRequest: {
    type: 'native',
    model: 'claude-sonnet-5-5',
    endpoint: '/v1/messages',
    body: { max_tokens: 10, messages: [] },
  },
} as const;

testProvider('anthropic', make(), capabilities);
testProvider('anthropic over fetch', make({ fetch: globalThis.fetch }), capabilities);
testProvider('anthropic without a batch API', make({ batchApi: false }), capabilities);

describe('against the sandbox', () => {
  const native = (body: Record<string, unknown>) => ({ ...capabilities.refusedRequest, body });
  const hello = { max_tokens: 50, messages: [{ role: 'user', content: 'Hello' }] };

  async function create(provider: Provider, bodies: readonly Record<string, unknown>[]) {
    const wires = bodies.map((body) => provider.toWire(native(body)));
    const endpoint = wires[0]?.endpoint ?? '';
    const sizes = wires.map(({ body }, i) => provider.batch?.lineBytes(Buffer.byteLength(body), `row-${i}`, endpoint));
    const bytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    async function* requests() {
      for (const [i, { body }] of wires.entries()) yield { customId: `row-${i}`, body };
    }
    return provider.batch?.create({ endpoint, nonce: 'x', bytes, requests });
  }

  test('rows that are refused at the create are named by their line', async () => {
    const { provider, close } = await make()();
    const refused = await create(provider, [hello, { ...hello, max_tokens: 0 }, hello]);
    expect(refused).toMatchObject({ phase: 'refused', refusal: 'rows', errors: [{ line: 2 }] });
    for await (const batch of provider.batch?.list() ?? []) expect(batch).toBe('nothing was created');
    await close();
  });

  test('a full queue is no_room', async () => {
    const { provider, close } = await make({}, { queuedRequests: 2 })();
    await expect(create(provider, [hello, hello, hello])).rejects.toMatchObject({ code: 'no_room', retryable: true });
    expect(await create(provider, [hello, hello])).toMatchObject({ phase: 'running' });
    await close();
  });

  test('a temperature is taken: its batch travels under the older contract', async () => {
    const { provider, passTime, close } = await make()();
    let batch = await create(provider, [{ ...hello, temperature: 0.5 }]);
    while (batch?.phase === 'running') {
      await passTime();
      batch = await provider.batch?.get(batch.remoteId);
    }
    if (!batch) throw new Error('no batch API');
    const outcomes: string[] = [];
    for await (const line of provider.batch?.results(batch) ?? []) outcomes.push(line.outcome.type);
    expect(outcomes).toEqual(['succeeded']);
    await close();
  });
});

describe('the account', () => {
  const accountOf = (options: AnthropicProviderOptions) => createAnthropicProvider(options).account;
  const apiKey = 'sk-ant-one';

  test('covers all that decides which batches are shown: key, address and workspace', () => {
    const accounts = [
      accountOf({ apiKey }),
      accountOf({ apiKey: 'sk-ant-two' }),
      accountOf({ apiKey, baseUrl: 'https://example.com' }),
      accountOf({ apiKey, workspace: 'a' }),
      accountOf({ apiKey, workspace: 'b' }),
    ];
    expect(new Set(accounts).size).toBe(accounts.length);
    for (const account of accounts) expect(account).toMatch(/^anthropic:[0-9a-f]{16}$/);
  });

  test('two spellings of one address are one account; a scope stands for the address', () => {
    const mine = accountOf({ apiKey });
    for (const baseUrl of [
      'https://API.anthropic.com:443/',
      'https://api.anthropic.com/v1',
      'https://api.anthropic.com/v1/',
    ])
      expect(accountOf({ apiKey: ` ${apiKey}\n`, baseUrl })).toBe(mine);
    const sandbox = (port: number) => accountOf({ scope: 'sandbox', baseUrl: `http://127.0.0.1:${port}` });
    expect(sandbox(1)).toBe(sandbox(2));
  });

  test.each(['ftp://x', 'nonsense', 'https://user:pass@x', 'https://x?key=1'])('%s is no base URL', (baseUrl) => {
    expect(() => createAnthropicProvider({ baseUrl })).toThrow(expect.objectContaining({ code: 'config' }));
  });
});

test('limits: the documented ones, unless the caller knows better; without batchApi there is no batch', () => {
  expect(createAnthropicProvider({ limits: { maxRequests: 5 } }).batch).toMatchObject({
    proof: 'results',
    limits: {
      maxRequests: 5,
      // The whole body, with what stands around the rows, is at most 256 MB.
      maxBytes: 256_000_000 - '{"requests":['.length - ']}'.length + 1,
      enqueued: { unit: 'requests', scope: 'account' },
    },
  });
  expect(createAnthropicProvider({ batchApi: false })).not.toHaveProperty('batch');
});

describe('a real batch of January 2025', () => {
  let server: ScriptedServer | undefined;
  afterEach(() => server?.close());

  interface Exchange {
    method: string;
    uri: string;
    body: string;
    request_body: string;
  }
  const file = '../../../test/fixtures/recorded/curator.recorded-http.anthropic.basic_batch_completion.jsonl';
  const exchanges = readFileSync(new URL(file, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Exchange);

  test('from create to results', async () => {
    const left = [...exchanges];
    server = await startScriptedServer((request, response) => {
      const next = left.findIndex(
        ({ method, uri }) => method === request.method && new URL(uri).pathname === request.path,
      );
      const body = left[next]?.body;
      left.splice(next, 1);
      if (body === undefined) answerJson(response, 404, {});
      else response.end(body);
    });
    const { batch: api } = createAnthropicProvider({ apiKey: 'k'.repeat(20), baseUrl: server.url });
    if (!api) throw new Error('no batch API');
    const { requests } = JSON.parse(exchanges[0]?.request_body ?? '') as {
      requests: { custom_id: string; params: unknown }[];
    };
    const rows = requests.map(({ custom_id, params }) => ({ customId: custom_id, body: JSON.stringify(params) }));
    const sizes = rows.map((row) => api.lineBytes(Buffer.byteLength(row.body), row.customId, '/v1/messages'));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    async function* readRows() {
      yield* rows;
    }
    const created = await api.create({ endpoint: '/v1/messages', nonce: 'x', bytes, requests: readRows });
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({ requests });
    expect(created).toEqual({
      remoteId: 'msgbatch_01MxdL3LT4Dizo9t3j6FY9Ap',
      phase: 'running',
      rawStatus: 'in_progress',
      resultFileIds: [],
      errors: [],
      counts: { total: 3, succeeded: 0, failed: 0 },
      createdAt: Date.parse('2025-01-12T05:59:14.154Z'),
      expiresAt: Date.parse('2025-01-13T05:59:14.154Z'),
    });
    let batch = created;
    while (batch.phase === 'running') batch = await api.get(created.remoteId);
    expect(batch).toMatchObject({ phase: 'ended', counts: { total: 3, succeeded: 3, failed: 0 } });
    // Recorded at api.anthropic.com, which is not the origin here.
    expect(batch.resultFileIds).toEqual([expect.stringContaining('https://api.anthropic.com/')]);
    const lines = [];
    for await (const line of api.results(batch)) lines.push(line);
    expect(lines.map((line) => [line.customId, line.model, line.outcome.type])).toEqual(
      ['0', '1', '2'].map((id) => [id, 'claude-3-5-sonnet-20241022', 'succeeded']),
    );
    expect(lines[0]?.outcome).toMatchObject({
      output: expect.stringMatching(/^Here's a basic spaghetti recipe:/),
      finishReason: 'end_turn',
      usage: { inputTokens: 11, outputTokens: 273, cachedTokens: 0, cacheWriteTokens: 0 },
    });
  });
});
