import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome } from '../outcome.ts';
import type { BatchApi, Provider, RemoteBatch, ResultLine } from '../provider.ts';
import type { ChatRequest, ContentPart, ModelRequest } from '../request.ts';

/** What the provider under test can do, and with which of its models. */
export interface ProviderCapabilities {
  chatModel: string;
  /** Absent: no images are sent. */
  visionModel?: string;
  /** Absent: nothing is embedded. */
  embeddingModel?: string;
  /** A model that does not exist. */
  unknownModel: string;
  /** Whether answers can be held to a JSON Schema. */
  schema: boolean;
  /** A request that the provider's batch API refuses as a row, not as a batch. */
  refusedRequest?: ModelRequest;
}

export interface ProviderUnderTest {
  provider: Provider;
  /** Called between two polls of a batch, for a server with a clock of its own. */
  passTime?(): void | Promise<void>;
  close(): Promise<void>;
}

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const nonce = (digit: number) => `abcdefgh${digit}x`;
const pollPauseMs = 20;
const longestPolling = 1000;

/**
 * The suite that every adapter passes: what the engine relies on, beyond the types. Run it inside a vitest file against
 * a server that answers like the real one.
 * @example testProvider('openai', async () => ({ provider, close }), { chatModel: 'gpt-5-mini', ... })
 */
export function testProvider(
  name: string,
  make: () => Promise<ProviderUnderTest>,
  capabilities: ProviderCapabilities,
): void {
  describe(`provider ${name}`, () => {
    let made: ProviderUnderTest | undefined;
    const under = (): ProviderUnderTest => {
      if (!made) throw new Error('the provider was not made');
      return made;
    };
    beforeAll(async () => {
      made = await make();
    });
    afterAll(async () => {
      await made?.provider.close?.();
      await made?.close();
    });
    testRealtime(under, capabilities);
    testBatch(under, capabilities);
  });
}

function testRealtime(under: () => ProviderUnderTest, capabilities: ProviderCapabilities): void {
  const call = (request: ModelRequest): Promise<Outcome> => {
    const { provider } = under();
    return provider.call(provider.toWire(request), { timeoutMs: 10_000, signal: new AbortController().signal });
  };

  test('answers the check', async () => {
    const check = await under().provider.check();
    expect(check.address).toMatch(/^https?:\/\//);
    expect(check.detail).not.toBe('');
  });

  test('has a name and the fingerprint of an account', () => {
    expect(under().provider.account.startsWith(`${under().provider.name}:`)).toBe(true);
  });

  test('the same request gives the same text', () => {
    const { provider } = under();
    const wire = provider.toWire(chat(capabilities.chatModel, 'Hello'));
    expect(provider.toWire(chat(capabilities.chatModel, 'Hello'))).toEqual(wire);
    expect(JSON.parse(wire.body)).toMatchObject({ model: capabilities.chatModel });
    expect(wire.body).not.toContain('\n');
  });

  test('chat', async () => {
    const outcome = await call(chat(capabilities.chatModel, 'Say hello.'));
    expect(outcome).toMatchObject({ type: 'succeeded', output: expect.stringMatching(/\S/) });
    expect(outcome.type === 'succeeded' && outcome.usage?.inputTokens).toBeGreaterThan(0);
    expect(outcome.type === 'succeeded' && outcome.usage?.outputTokens).toBeGreaterThan(0);
  });

  test('an answer cut at the token limit says so', async () => {
    const request = { ...chat(capabilities.chatModel, 'Tell the story of Rome in a thousand words.'), maxTokens: 5 };
    const outcome = await call(request);
    if (outcome.type === 'succeeded') expect(outcome.finishReason).toBe('length');
    else expect(outcome).toMatchObject({ type: 'failed', code: 'truncated', retryable: false });
  });

  test.skipIf(!capabilities.visionModel)('image', async () => {
    const image: ContentPart = { type: 'image', mediaType: 'image/png', base64: pixel };
    const outcome = await call(chat(capabilities.visionModel ?? '', 'What is this?', image));
    expect(outcome).toMatchObject({ type: 'succeeded', output: expect.stringMatching(/\S/) });
  });

  test.skipIf(!capabilities.schema)('schema', async () => {
    const schema = {
      type: 'object',
      properties: { title: { type: 'string' }, pages: { type: 'integer' } },
      required: ['title', 'pages'],
      additionalProperties: false,
    };
    const outcome = await call({ ...chat(capabilities.chatModel, 'Describe a book.'), schema });
    expect(outcome.type).toBe('succeeded');
    const answer = outcome.type === 'succeeded' ? JSON.parse(outcome.output) : {};
    expect(answer).toEqual({ title: expect.any(String), pages: expect.any(Number) });
  });

  test.skipIf(!capabilities.embeddingModel)('embeddings: one vector bare, several in order', async () => {
    const embed = async (...input: string[]): Promise<unknown> => {
      const outcome = await call({ type: 'embedding', model: capabilities.embeddingModel ?? '', input });
      return outcome.type === 'succeeded' ? JSON.parse(outcome.output) : outcome;
    };
    const [first, second] = [await embed('a cat'), await embed('a train')];
    expect(first).toEqual(expect.arrayContaining([expect.any(Number)]));
    expect(second).not.toEqual(first);
    expect(await embed('a cat', 'a train')).toEqual([first, second]);
  });

  test('an unknown model is the fault of the row and stays one', async () => {
    const outcome = await call(chat(capabilities.unknownModel, 'Hello'));
    expect(outcome).toMatchObject({ type: 'failed', retryable: false, message: expect.stringMatching(/\S/) });
  });

  test('what cannot be said is a usage error', () => {
    const empty: ChatRequest = { type: 'chat', model: capabilities.chatModel, messages: [] };
    expect(() => under().provider.toWire(empty)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test('an aborted call throws', async () => {
    const { provider } = under();
    const wire = provider.toWire(chat(capabilities.chatModel, 'Hello'));
    const call = provider.call(wire, { timeoutMs: 10_000, signal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ code: 'aborted' });
  });
}

function testBatch(under: () => ProviderUnderTest, capabilities: ProviderCapabilities): void {
  const withBatch = (): BatchApi | undefined => under().provider.batch;

  test('a batch from upload to results: every row once, ownership proved, row errors are values', async ({ skip }) => {
    const api = withBatch() ?? skip();
    const requests: ModelRequest[] = [1, 2, 3, 4].map((n) => chat(capabilities.chatModel, `Item ${n}: \u2028"ü" 😀`));
    if (capabilities.refusedRequest) requests.push(capabilities.refusedRequest);
    const { created, customIds, fileId } = await submit(under().provider, api, nonce(2), requests);
    const listed = await find(api, created.remoteId);
    expect(listed).toMatchObject({ remoteId: created.remoteId });
    if (created.nonce !== undefined) expect(listed?.nonce).toBe(nonce(2));
    if (created.inputFileId !== undefined) expect(listed?.inputFileId).toBe(fileId);
    const ended = await pollToEnd(under(), api, created.remoteId);
    expect(ended).toMatchObject({ phase: 'ended', errors: [] });
    const lines = await collect(api, ended);
    expect(lines.map((line) => line.customId).sort()).toEqual([...customIds].sort());
    for (const line of lines) {
      const refused = capabilities.refusedRequest && line.customId === customIds.at(-1);
      const failure = { type: 'failed', retryable: false, message: expect.stringMatching(/\S/) };
      expect(line.outcome).toMatchObject(refused ? failure : { type: 'succeeded' });
    }
    // A reader that broke off starts again from the beginning.
    expect(await collect(api, ended)).toHaveLength(customIds.length);
  });

  test('a cancelled batch ends, and each of its rows at most once', async ({ skip }) => {
    const api = withBatch() ?? skip();
    const requests = [1, 2, 3].map((n) => chat(capabilities.chatModel, `Row ${n}`));
    const { created, customIds } = await submit(under().provider, api, nonce(3), requests);
    expect(await api.cancel(created.remoteId)).toMatchObject({ remoteId: created.remoteId });
    const ended = await pollToEnd(under(), api, created.remoteId);
    expect(ended.phase).toBe('ended');
    const ids = (await collect(api, ended)).map((line) => line.customId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(customIds).toContain(id);
    // Once more, now that it has ended.
    expect(await api.cancel(created.remoteId)).toMatchObject({ remoteId: created.remoteId, phase: 'ended' });
  });

  test('a batch nobody made is not found', async ({ skip }) => {
    const api = withBatch() ?? skip();
    await expect(api.get('batch_nobody_made_this')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('the listing can be left early and read again', async ({ skip }) => {
    const api = withBatch() ?? skip();
    for await (const batch of api.list()) {
      expect(batch.remoteId).not.toBe('');
      break;
    }
    const ids: string[] = [];
    for await (const batch of api.list()) ids.push(batch.remoteId);
    expect(new Set(ids).size).toBe(ids.length);
  });
}

function chat(model: string, text: string, ...more: ContentPart[]): ChatRequest {
  return { type: 'chat', model, messages: [{ role: 'user', content: [{ type: 'text', text }, ...more] }] };
}

async function submit(provider: Provider, api: BatchApi, nonce: string, requests: readonly ModelRequest[]) {
  const wires = requests.map((request) => provider.toWire(request));
  const endpoint = wires[0]?.endpoint ?? '';
  const rows = wires.map(({ body }, i) => ({ customId: `op-${nonce}-${i + 1}-1`, body }));
  const sizes = rows.map((row) => api.lineBytes(Buffer.byteLength(row.body), row.customId, endpoint));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  async function* readRows() {
    yield* rows;
  }
  const upload = { fileName: `offpeak-${nonce}.jsonl`, endpoint, bytes, requests: readRows };
  const { fileId, sha256 } = await api.upload(upload);
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  const created = await api.create({ fileId, endpoint, nonce });
  return { created, fileId, customIds: rows.map((row) => row.customId) };
}

async function find(api: BatchApi, remoteId: string): Promise<RemoteBatch | undefined> {
  let found: RemoteBatch | undefined;
  for await (const batch of api.list()) if (batch.remoteId === remoteId) found = batch;
  return found;
}

async function pollToEnd(under: ProviderUnderTest, api: BatchApi, remoteId: string): Promise<RemoteBatch> {
  for (let polls = 0; polls < longestPolling; polls++) {
    const batch = await api.get(remoteId);
    if (batch.phase !== 'running') return batch;
    await under.passTime?.();
    await new Promise((resolve) => setTimeout(resolve, pollPauseMs));
  }
  throw new Error(`batch ${remoteId} did not end`);
}

async function collect(api: BatchApi, batch: RemoteBatch): Promise<ResultLine[]> {
  const lines: ResultLine[] = [];
  for await (const line of api.results(batch)) lines.push(line);
  return lines;
}
