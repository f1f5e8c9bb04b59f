import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { BatchApi, RemoteBatch } from '../provider.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { testProvider } from '../testing/test-provider.ts';
import { type ProfileName, profileNames, profiles } from './compatible/profiles.ts';
import { type CompatibleProviderOptions, createCompatibleProvider } from './compatible-provider.ts';
import { answerJson, type ScriptedServer, type SeenRequest, startScriptedServer } from './scripted-server.ts';
import type { ServerProfile } from './server-profile.ts';

const paths: Record<ProfileName, string> = {
  groq: '/groq/openai/v1',
  together: '/together/v1',
  mistral: '/mistral/v1',
  azure: '/azure/openai/v1',
  doubleword: '/doubleword/v1',
  xai: '/xai/v1',
};

const chatModel = 'some-model-70b';

for (const profile of profileNames) {
  testProvider(
    profile,
    async () => {
      const stateDir = await mkdtemp(join(tmpdir(), `offpeak-${profile}-`));
      const sandbox = await startSandbox({ stateDir, delays: { validatingMs: 1000, inProgressMs: 60_000 } });
      const baseUrl = sandbox.url + paths[profile];
      return {
        provider: createCompatibleProvider({
          profile,
          apiKey: 'sk-sandbox',
          baseUrl,
          simulated: true,
          // Real time passes between two looks, whatever the sandbox's clock says.
          limits: { cancelSettlesMs: 50 },
        }),
        passTime: () => sandbox.advance(20_000),
        async close() {
          await sandbox.close();
          await rm(stateDir, { recursive: true, force: true });
        },
      };
    },
    {
      chatModel,
      visionModel: chatModel,
      unknownModel: 'no-such-model',
      schema: true,
      refusedRequest: {
        type: 'chat',
        model: chatModel,
        messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello' }] }],
        temperature: 9,
      },
    },
  );
}

describe('what is sent', () => {
  let server: ScriptedServer | undefined;
  afterEach(() => server?.close());

  const input = {
    endpoint: '/v1/chat/completions',
    nonce: 'abcdefghij',
    fileName: 'offpeak-abcdefghij.jsonl',
    async *requests() {
      yield { customId: 'a', body: '{"model":"m1"}' };
    },
  };

  /** Uploads, creates, gets, lists; what the server saw of it, in this order. */
  async function exchange(
    profile: ProfileName,
    answers: { created: unknown; listed: unknown },
    options: Partial<CompatibleProviderOptions> = {},
  ) {
    server = await startScriptedServer((request, response) => {
      const isFile = request.path.includes('/files');
      const isList = request.method === 'GET' && !/\/b1$/.test(request.path);
      answerJson(response, 200, isFile ? { id: 'file-1' } : isList ? answers.listed : answers.created);
    });
    const provider = createCompatibleProvider({ profile, apiKey: 'key-1234567890', baseUrl: server.url, ...options });
    const api = provider.batch;
    if (!api?.upload) throw new Error('no batch API');
    const bytes = api.lineBytes(14, 'a', input.endpoint);
    const { fileId } = await api.upload({ ...input, bytes });
    const created = await api.create({ ...input, bytes, fileId });
    const got = await api.get('b1');
    const listed = await listAll(api);
    const [upload, create, get, list] = server.seen;
    if (!upload || !create || !get || !list) throw new Error('too few requests');
    return { upload, create, get, list, created, got, listed };
  }

  async function listAll(api: BatchApi) {
    const all: RemoteBatch[] = [];
    for await (const batch of api.list()) all.push(batch);
    return all;
  }

  const lineOf = ({ body }: SeenRequest) => body.split('\r\n').find((line) => line.startsWith('{'));
  const purposeOf = ({ body }: SeenRequest) => /name="purpose"\r\n\r\n([^\r]*)/.exec(body)?.[1];

  test('Mistral: a job of input files, with the model of its requests; numbered pages', async () => {
    const job = {
      id: 'b1',
      object: 'batch',
      input_files: ['file-1'],
      metadata: { offpeak_submit: 'abcdefghij' },
      model: 'm1',
      output_file: 'out',
      error_file: 'err',
      errors: [{ message: 'm', count: 2 }],
      status: 'TIMEOUT_EXCEEDED',
      created_at: 1_711_471_533,
      completed_at: 1_711_471_999,
      total_requests: 5,
      completed_requests: 4,
      succeeded_requests: 3,
      failed_requests: 1,
    };
    const listed = { object: 'list', data: [job], total: 1 };
    const seen = await exchange('mistral', { created: job, listed }, { completionWindow: '2d' });
    expect(seen.upload.path).toBe('/files');
    expect(purposeOf(seen.upload)).toBe('batch');
    expect(lineOf(seen.upload)).toBe('{"custom_id":"a","body":{"model":"m1"}}\n');
    expect(seen.create.path).toBe('/batch/jobs');
    expect(JSON.parse(seen.create.body)).toEqual({
      input_files: ['file-1'],
      endpoint: '/v1/chat/completions',
      model: 'm1',
      timeout_hours: 48,
      metadata: { offpeak_submit: 'abcdefghij' },
    });
    expect(seen.get.path).toBe('/batch/jobs/b1');
    expect(seen.list.path).toBe('/batch/jobs?page=0&page_size=100');
    expect(seen.got).toEqual({
      remoteId: 'b1',
      phase: 'ended',
      rawStatus: 'timeout_exceeded',
      resultFileIds: ['out', 'err'],
      errors: [{ code: 'unknown', message: 'm' }],
      counts: { total: 5, succeeded: 3, failed: 1 },
      nonce: 'abcdefghij',
      inputFileId: 'file-1',
      model: 'm1',
      createdAt: 1_711_471_533_000,
      endedAt: 1_711_471_999_000,
    });
    expect(seen.listed).toHaveLength(1);
  });

  test('Together: another purpose, bare lines, no metadata, a wrapped answer, capitals, one array', async () => {
    const batch = { id: 'b1', status: 'VALIDATING', input_file_id: 'file-1', created_at: '2026-11-20T12:00:00Z' };
    const seen = await exchange('together', { created: { job: batch }, listed: [batch] });
    expect(purposeOf(seen.upload)).toBe('batch-api');
    expect(lineOf(seen.upload)).toBe('{"custom_id":"a","body":{"model":"m1"}}\n');
    expect(JSON.parse(seen.create.body)).toEqual({
      input_file_id: 'file-1',
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
    expect(seen.created).toMatchObject({ remoteId: 'b1', phase: 'running', rawStatus: 'validating' });
    // What proves it ours.
    expect(seen.listed).toMatchObject([{ inputFileId: 'file-1', createdAt: Date.parse('2026-11-20T12:00:00Z') }]);
  });

  test('xAI: no purpose, a name that carries the nonce, no endpoint, counters, tokens', async () => {
    const batch = {
      batch_id: 'b1',
      name: 'offpeak-abcdefghij',
      create_time: '2026-08-28',
      expire_time: '2026-09-27',
      state: { num_requests: 8, num_pending: 3, num_success: 4, num_error: 1, num_cancelled: 0 },
      input_file_id: 'file-1',
    };
    const now = () => Date.parse('2026-08-29');
    const listed = { batches: [batch], pagination_token: null };
    const seen = await exchange('xai', { created: batch, listed }, { now });
    expect(purposeOf(seen.upload)).toBeUndefined();
    expect(seen.upload.body.indexOf('name="expires_after"')).toBeLessThan(seen.upload.body.indexOf('name="file"'));
    expect(lineOf(seen.upload)).toContain('"method":"POST","url":"/v1/chat/completions"');
    expect(JSON.parse(seen.create.body)).toEqual({ name: 'offpeak-abcdefghij', input_file_id: 'file-1' });
    expect(seen.list.path).toBe('/batches?limit=100');
    expect(seen.got).toEqual({
      remoteId: 'b1',
      phase: 'running',
      rawStatus: 'in_progress',
      resultFileIds: [],
      errors: [],
      counts: { total: 8, succeeded: 4, failed: 1 },
      nonce: 'abcdefghij',
      inputFileId: 'file-1',
      createdAt: Date.parse('2026-08-28'),
      expiresAt: Date.parse('2026-09-27'),
    });
    expect(seen.listed).toEqual([seen.got]);
  });

  test('a listing with tokens is read to the page without one', async () => {
    const pages = new Map([
      [null, { batches: [{ batch_id: 'b1' }], pagination_token: 't1' }],
      ['t1', { batches: [], pagination_token: 't2' }],
      ['t2', { batches: [{ batch_id: 'b2' }], pagination_token: '' }],
    ]);
    server = await startScriptedServer((request, response) => {
      const token = new URL(request.path, 'http://x').searchParams.get('pagination_token');
      answerJson(response, 200, pages.get(token) ?? {});
    });
    const { batch } = createCompatibleProvider({ profile: 'xai', apiKey: 'k', baseUrl: server.url });
    if (!batch) throw new Error('no batch API');
    expect((await listAll(batch)).map(({ remoteId }) => remoteId)).toEqual(['b1', 'b2']);
    pages.set('t2', { batches: [], pagination_token: 't1' });
    await expect(listAll(batch)).rejects.toMatchObject({ code: 'bad_answer' });
    pages.set('t2', { error: 'x' } as never);
    await expect(listAll(batch)).rejects.toMatchObject({ code: 'bad_answer' });
  });

  test('Azure: the key stands in its own header', async () => {
    const batch = { id: 'b1', status: 'Validating' };
    const seen = await exchange('azure', { created: batch, listed: { data: [batch], has_more: false } });
    expect(seen.create.headers['api-key']).toBe('key-1234567890');
    expect(seen.upload.headers['api-key']).toBe('key-1234567890');
    expect(seen.create.headers).not.toHaveProperty('authorization');
    expect(seen.got).toMatchObject({ phase: 'running', rawStatus: 'validating' });
  });

  test('Groq: a longer window', async () => {
    const batch = { id: 'b1', status: 'validating' };
    const answers = { created: batch, listed: { data: [batch], has_more: false } };
    const seen = await exchange('groq', answers, { completionWindow: '7d' });
    expect(JSON.parse(seen.create.body)).toMatchObject({ completion_window: '7d' });
    expect(lineOf(seen.upload)).toContain('"method":"POST","url":"/v1/chat/completions"');
  });

  test('numbered pages that stand still never look complete', async () => {
    const batch = { id: 'b1', status: 'RUNNING' };
    const repeated = exchange('mistral', { created: batch, listed: { data: [batch] } });
    await expect(repeated).rejects.toMatchObject({ code: 'bad_answer' });
  });

  test('numbered pages are read up to the total, or to an empty one', async () => {
    for (const total of [2, undefined]) {
      const pages = [[{ id: 'b1' }], [{ id: 'b2' }], []];
      server = await startScriptedServer((request, response) => {
        const number = Number(new URL(request.path, 'http://x').searchParams.get('page'));
        answerJson(response, 200, { data: pages[number], ...(total === undefined ? {} : { total }) });
      });
      const { batch } = createCompatibleProvider({ profile: 'mistral', apiKey: 'k', baseUrl: server.url });
      if (!batch) throw new Error('no batch API');
      expect((await listAll(batch)).map(({ remoteId }) => remoteId)).toEqual(['b1', 'b2']);
      expect(server.seen).toHaveLength(total ?? 3);
      await server.close();
    }
  });

  /** Pages behind a cursor, each as `shape` puts it; without a cursor when `knowsCursor` is false. */
  async function listPaged(profile: ProfileName, shape: (data: unknown[]) => unknown, knowsCursor: boolean) {
    const all = Array.from({ length: 250 }, (_, number) => ({ id: `b${number}`, status: 'validating' }));
    server = await startScriptedServer((request, response) => {
      const query = new URL(request.path, 'http://x').searchParams;
      const start = all.findIndex(({ id }) => id === query.get('after')) + 1;
      answerJson(response, 200, shape(knowsCursor ? all.slice(start, start + 100) : all));
    });
    const { batch } = createCompatibleProvider({ profile, apiKey: 'k', baseUrl: server.url });
    if (!batch) throw new Error('no batch API');
    return new Set((await listAll(batch)).map(({ remoteId }) => remoteId)).size;
  }

  test.each([
    ['bare arrays', (data: unknown[]) => data],
    ['envelopes', (data: unknown[]) => ({ data })],
    ['envelopes with an end', (data: unknown[]) => ({ data, has_more: data.length === 100 })],
  ])('a listing without pages is read to its end, also when it has some: %s', async (_, shape) => {
    expect(await listPaged('together', shape, true)).toBe(250);
    await server?.close();
    expect(await listPaged('together', shape, false)).toBe(250);
    await server?.close();
    expect(await listPaged('groq', shape, true)).toBe(250);
  });

  test('a full page is never the last one by its total', async () => {
    server = await startScriptedServer((request, response) => {
      const number = Number(new URL(request.path, 'http://x').searchParams.get('page'));
      const data = Array.from({ length: [100, 50][number] ?? 0 }, (_, row) => ({ id: `b${number}-${row}` }));
      answerJson(response, 200, { data, total: data.length });
    });
    const { batch } = createCompatibleProvider({ profile: 'mistral', apiKey: 'k', baseUrl: server.url });
    if (!batch) throw new Error('no batch API');
    expect(await listAll(batch)).toHaveLength(150);
  });

  test('only a server that has no pages may answer with the same array again', async () => {
    const batch = { id: 'b1', status: 'validating' };
    await expect(exchange('groq', { created: batch, listed: [batch] })).rejects.toMatchObject({ code: 'bad_answer' });
  });

  test('Mistral knows only max_tokens', () => {
    const request = {
      type: 'chat',
      model: 'm1',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }],
      maxTokens: 9,
    } as const;
    const bodyOf = (profile: ProfileName) => JSON.parse(createCompatibleProvider({ profile }).toWire(request).body);
    expect(bodyOf('mistral')).toMatchObject({ max_tokens: 9 });
    expect(bodyOf('groq')).toMatchObject({ max_completion_tokens: 9 });
  });
});

describe('the table', () => {
  test.each(profileNames)('%s has its name, and without a key it says which variable is missing', async (name) => {
    const profile: ServerProfile = profiles[name];
    const baseUrl = profile.baseUrl ?? 'https://name.openai.azure.com/openai/v1';
    const provider = createCompatibleProvider({ profile: name, baseUrl });
    expect(provider.name).toBe(name);
    await expect(provider.check()).rejects.toMatchObject({
      code: 'auth',
      message: expect.stringContaining(profile.keyVariable),
    });
  });

  test('Azure has no usual address: without one it is there, and says so when it is asked', async () => {
    const provider = createCompatibleProvider({ profile: 'azure', apiKey: 'k' });
    const missing = { code: 'auth', message: expect.stringContaining('providers.azure.base_url') };
    await expect(provider.check()).rejects.toMatchObject(missing);
    await expect(provider.batch?.get('b')).rejects.toMatchObject(missing);
    const options = { timeoutMs: 100, signal: new AbortController().signal };
    await expect(provider.call({ endpoint: '/v1/chat/completions', body: '{}' }, options)).rejects.toMatchObject(
      missing,
    );
  });

  test.each([
    ['groq', '12h'],
    ['groq', '8d'],
    ['together', '48h'],
    ['mistral', 'soon'],
  ] as const)('%s offers no window of %s', (profile, completionWindow) => {
    expect(() => createCompatibleProvider({ profile, completionWindow })).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining(completionWindow) }),
    );
  });

  test('xAI has no window to choose', () => {
    const chosen = () => createCompatibleProvider({ profile: 'xai', completionWindow: '24h' });
    expect(chosen).toThrow(expect.objectContaining({ code: 'config' }));
  });
});
