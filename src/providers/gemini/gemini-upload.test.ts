import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { answerJson, type ScriptedServer, type SeenRequest, startScriptedServer } from '../scripted-server.ts';
import { createGeminiProvider } from './gemini-provider.ts';
import { batchLineBytes } from './gemini-upload.ts';

const apiKey = 'gemini-canary-0123456789abcdef';
const endpoint = '/v1beta/models/gemini-2.5-flash:generateContent';

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const requests = Array.from({ length: 300 }, (_, i) => ({
  customId: `op-abcdefghij-${i}-1`,
  body: JSON.stringify({ contents: [{ parts: [{ text: `ü\u2028"${'x'.repeat(i * 7)}\ud83d\ude00` }] }] }),
}));
const jsonl = requests.map(({ customId, body }) => `{"key":"${customId}","request":${body}}\n`).join('');
const bytes = requests.reduce((sum, r) => sum + batchLineBytes(Buffer.byteLength(r.body), r.customId), 0);
const file = { name: 'files/abc123', sizeBytes: String(bytes), state: 'ACTIVE' };

function input(fields: { bytes?: number; delayMs?: number; signal?: AbortSignal } = {}) {
  return {
    fileName: 'offpeak-abcdefghij.jsonl',
    endpoint,
    bytes: fields.bytes ?? bytes,
    async *requests() {
      for (const request of requests) {
        if (fields.delayMs) await new Promise((resolve) => setTimeout(resolve, fields.delayMs));
        yield request;
      }
    },
    ...(fields.signal ? { signal: fields.signal } : {}),
  };
}

type Answer = (response: ServerResponse, incoming: IncomingMessage, request: SeenRequest) => unknown;

/** Answers the announcement with an address, by default at a host that is not meant, and the bytes with `answer`. */
async function start(
  answer: Answer,
  options: { address?: string; announce?: Answer; readBody?: boolean } = {},
): Promise<void> {
  const address =
    options.address ?? 'https://upload.example.com/upload/v1beta/files?upload_id=u1&upload_protocol=resumable';
  server = await startScriptedServer((request, response, incoming) => {
    if (request.headers['x-goog-upload-command'] !== 'start') return answer(response, incoming, request);
    if (options.announce) return options.announce(response, incoming, request);
    return answerJson(response, 200, {}, { 'x-goog-upload-url': address });
  }, options.readBody ?? true);
}
const finish: Answer = (response) => answerJson(response, 200, { file }, { 'x-goog-upload-status': 'final' });

function upload(fields: Parameters<typeof input>[0] | ReturnType<typeof input> = {}, options: Options = {}) {
  const timeouts = { idleMs: options.idleMs ?? 5000, replyMs: options.replyMs ?? 5000 };
  const fetch = options.fetch ? { fetch: options.fetch } : {};
  const baseUrl = `${server?.url}${options.prefix ?? ''}`;
  const { batch } = createGeminiProvider({ apiKey, baseUrl, timeouts, ...fetch });
  if (!batch?.upload) throw new Error('no batch API');
  return batch.upload('requests' in fields ? fields : input(fields));
}
interface Options {
  fetch?: typeof globalThis.fetch;
  idleMs?: number;
  replyMs?: number;
  prefix?: string;
}

describe.each([
  ['node:http', undefined],
  ['fetch', globalThis.fetch],
])('upload over %s', (_, fetch) => {
  const options: Options = fetch ? { fetch } : {};

  test('arrives byte for byte at the configured server, announced, with its hash given back', async () => {
    await start(finish);
    expect(bytes).toBe(Buffer.byteLength(jsonl));
    const sha256 = createHash('sha256').update(jsonl).digest('hex');
    expect(await upload({}, options)).toEqual({ fileId: 'files/abc123', sha256 });
    const [first, second] = server?.seen ?? [];
    expect(first).toMatchObject({ method: 'POST', path: '/upload/v1beta/files' });
    expect(JSON.parse(first?.body ?? '')).toMatchObject({ file: { displayName: 'offpeak-abcdefghij.jsonl' } });
    expect(first?.headers).toMatchObject({
      'x-goog-api-key': apiKey,
      'x-goog-upload-protocol': 'resumable',
      'x-goog-upload-header-content-length': String(bytes),
    });
    // Path and query of the address, at our own origin.
    expect(second?.path).toBe('/upload/v1beta/files?upload_id=u1&upload_protocol=resumable');
    expect(second?.headers).toMatchObject({
      'x-goog-upload-command': 'upload, finalize',
      'x-goog-upload-offset': '0',
      'content-length': String(bytes),
    });
    expect(second?.headers['transfer-encoding']).toBeUndefined();
    expect(second?.body).toBe(jsonl);
  });

  test.each([-1, 1])('a length that is wrong by %d is our own fault and nothing is completed', async (difference) => {
    await start(finish);
    const thrown = upload({ bytes: bytes + difference }, options);
    await expect(thrown).rejects.toMatchObject({ code: 'internal', retryable: false });
  });

  test('an answer before the end stops the upload', async () => {
    await start(
      (response, incoming) => {
        incoming.once('data', () => answerJson(response, 413, { error: { message: 'too large' } }));
      },
      { readBody: false },
    );
    await expect(upload({}, options)).rejects.toMatchObject({ code: expect.stringMatching(/rejected|unavailable/) });
  });

  test.each([
    [404, 'batch_unavailable', 'rejected'],
    [405, 'batch_unavailable', 'rejected'],
    [401, 'auth', 'auth'],
    [403, 'auth', 'auth'],
    [400, 'rejected', 'rejected'],
    [429, 'rate_limited', 'rate_limited'],
    [503, 'unavailable', 'unavailable'],
    [307, 'rejected', 'rejected'],
  ])('HTTP %d -> %s at the announcement, %s at the bytes, without the key', async (status, announced, sent) => {
    const refuse: Answer = (response) => answerJson(response, status, { error: { message: apiKey } });
    for (const [announce, code] of [
      [refuse, announced],
      [undefined, sent],
    ] as const) {
      await start(refuse, announce ? { announce } : {});
      const error = await upload({}, options).catch((thrown: unknown) => thrown);
      // fetch itself ends at a redirect.
      expect(error).toMatchObject({ code: status === 307 ? expect.stringMatching(/rejected|unavailable/) : code });
      expect(String(error)).not.toContain(apiKey);
      expect(server?.seen).toHaveLength(announce ? 1 : 2);
      await server?.close();
    }
  });

  test('a lost reply, no reply, and an answer that is none', async () => {
    await start((response) => response.socket?.resetAndDestroy());
    await expect(upload({}, options)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    await server?.close();
    await start(() => {});
    await expect(upload({}, { ...options, replyMs: 300 })).rejects.toThrow(/nothing moved/);
    await server?.close();
    await start((response) => void response.end('<html>'));
    await expect(upload({}, options)).rejects.toMatchObject({ code: 'bad_answer', retryable: true });
  });

  test('a reader that stands still is given up, a slow source is not', async () => {
    await start(() => {}, { readBody: false });
    const huge = input({ bytes: 300_000_000 });
    huge.requests = async function* () {
      for (let i = 0; i < 300; i++) yield { customId: 'a', body: `"${'x'.repeat(1_000_000 - 64)}"` };
    };
    await expect(upload(huge, { ...options, idleMs: 300 })).rejects.toMatchObject({ code: 'unavailable' });
    await server?.close();
    await start(finish);
    await expect(upload({ delayMs: 2 }, { ...options, idleMs: 100 })).resolves.toMatchObject({
      fileId: 'files/abc123',
    });
  });

  test('what the source throws is not taken for a fault of the line', async () => {
    await start(finish);
    const cause = new Error('disk I/O error');
    const broken = input();
    broken.requests = async function* () {
      yield* requests.slice(0, 5);
      throw cause;
    };
    await expect(upload(broken, options)).rejects.toMatchObject({ code: 'internal', cause });
  });

  test('is ended by the signal', async () => {
    await start(() => controller.abort());
    const controller = new AbortController();
    await expect(upload({ signal: controller.signal }, options)).rejects.toMatchObject({ code: 'aborted' });
  });

  test('neither the address of an answer nor a redirect takes the key elsewhere', async () => {
    const other = await startScriptedServer((_request, response) => answerJson(response, 200, { file }));
    await start(finish, { address: `${other.url}/upload/v1beta/files?upload_id=u2` });
    await expect(upload({}, options)).resolves.toMatchObject({ fileId: 'files/abc123' });
    await server?.close();
    await start((response) => response.writeHead(307, { location: `${other.url}/steal` }).end());
    await expect(upload({}, options)).rejects.toMatchObject({ name: 'OffpeakError' });
    expect(other.seen).toHaveLength(0);
    await other.close();
  });
});

test('no address, a file that failed, and a file of another length', async () => {
  await start(finish, { announce: (response) => answerJson(response, 200, {}) });
  await expect(upload()).rejects.toMatchObject({ code: 'bad_answer' });
  await server?.close();
  for (const change of [{ state: 'FAILED' }, { sizeBytes: String(bytes - 1) }]) {
    await start((response) => answerJson(response, 200, { file: { ...file, ...change } }));
    await expect(upload()).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    await server?.close();
  }
});

test('behind a path of a proxy, whether or not the address knows of it', async () => {
  for (const address of [
    'https://google.example/upload/v1beta/files?upload_id=u',
    '/proxy/upload/v1beta/files?upload_id=u',
  ]) {
    await start(finish, { address });
    await upload({}, { prefix: '/proxy' });
    expect(server?.seen.map((request) => request.path)).toEqual([
      '/proxy/upload/v1beta/files',
      '/proxy/upload/v1beta/files?upload_id=u',
    ]);
    await server?.close();
  }
});

test('a body with a line break would be two lines', async () => {
  await start(finish);
  const broken = input({ bytes: 1000 });
  broken.requests = async function* () {
    yield { customId: 'a', body: '{\n}' };
  };
  await expect(upload(broken)).rejects.toMatchObject({ code: 'internal' });
});
