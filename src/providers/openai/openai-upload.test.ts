import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createOpenAIProvider } from './openai-provider.ts';
import { batchLineBytes } from './openai-upload.ts';

const apiKey = 'sk-canary-0123456789abcdef';
const endpoint = '/v1/chat/completions';

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const requests = Array.from({ length: 300 }, (_, i) => ({
  customId: `op-abcdefghij-${i}-1`,
  body: JSON.stringify({
    model: 'm',
    messages: [{ role: 'user', content: `ü\u2028"${'x'.repeat(i * 7)}\ud83d\ude00` }],
  }),
}));
const jsonl = requests
  .map(({ customId, body }) => `{"custom_id":"${customId}","method":"POST","url":"${endpoint}","body":${body}}\n`)
  .join('');
const bytes = requests.reduce(
  (sum, r) => sum + batchLineBytes('call', Buffer.byteLength(r.body), r.customId, endpoint),
  0,
);

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

function provider(options: { fetch?: typeof globalThis.fetch; idleMs?: number } = {}) {
  const timeouts = { idleMs: options.idleMs ?? 300, replyMs: 300 };
  const fetch = options.fetch ? { fetch: options.fetch } : {};
  const { batch } = createOpenAIProvider({ apiKey, baseUrl: `${server?.url}/v1/`, timeouts, ...fetch });
  if (!batch?.upload) throw new Error('no upload');
  return { ...batch, upload: batch.upload };
}

describe.each([
  ['node:http', undefined],
  ['fetch', globalThis.fetch],
])('upload over %s', (_, fetch) => {
  const options = fetch ? { fetch } : {};

  test('arrives byte for byte, with its length announced and its hash given back', async () => {
    server = await startScriptedServer((_request, response) => answerJson(response, 200, { id: 'file-1' }));
    expect(bytes).toBe(Buffer.byteLength(jsonl));
    const sha256 = createHash('sha256').update(jsonl).digest('hex');
    expect(await provider(options).upload(input())).toEqual({ fileId: 'file-1', sha256 });
    const [seen] = server.seen;
    expect(seen?.path).toBe('/v1/files');
    expect(seen?.headers['transfer-encoding']).toBeUndefined();
    expect(seen?.headers['content-length']).toBe(String(Buffer.byteLength(seen?.body ?? '')));
    const form = await new Response(seen?.body, {
      headers: { 'content-type': seen?.headers['content-type'] ?? '' },
    }).formData();
    expect(form.get('purpose')).toBe('batch');
    const file = form.get('file');
    expect(file instanceof File && file.name).toBe('offpeak-abcdefghij.jsonl');
    expect(file instanceof File && (await file.text())).toBe(jsonl);
  });

  test.each([-1, 1])('a length that is wrong by %d is our own fault and nothing is completed', async (difference) => {
    server = await startScriptedServer((_request, response) => answerJson(response, 200, { id: 'file-1' }));
    const thrown = provider(options).upload(input({ bytes: bytes + difference }));
    await expect(thrown).rejects.toMatchObject({ code: 'internal', retryable: false });
  });

  test('an answer before the end stops the upload', async () => {
    server = await startScriptedServer((_request, response, incoming) => {
      incoming.once('data', () => answerJson(response, 413, { error: { message: 'too large' } }));
    }, false);
    await expect(provider(options).upload(input())).rejects.toMatchObject({
      code: expect.stringMatching(/rejected|unavailable/),
    });
  });

  test.each([
    [404, 'batch_unavailable'],
    [401, 'auth'],
    [400, 'rejected'],
    [429, 'rate_limited'],
    [503, 'unavailable'],
  ])('HTTP %d -> %s, without the key', async (status, code) => {
    server = await startScriptedServer((_request, response) =>
      answerJson(response, status, { error: { message: apiKey } }),
    );
    const error = await provider(options)
      .upload(input())
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(String(error)).not.toContain(apiKey);
    expect(server.seen).toHaveLength(1);
  });

  test('a lost reply, no reply, and an answer that is none', async () => {
    server = await startScriptedServer((_request, response) => response.socket?.resetAndDestroy());
    await expect(provider(options).upload(input())).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    await server.close();
    server = await startScriptedServer(() => {});
    await expect(provider(options).upload(input())).rejects.toThrow(/nothing moved/);
    await server.close();
    server = await startScriptedServer((_request, response) => void response.end('<html>'));
    await expect(provider(options).upload(input())).rejects.toMatchObject({ code: 'bad_answer', retryable: true });
  });

  test('a reader that stands still is given up, a slow source is not', async () => {
    server = await startScriptedServer(() => {}, false);
    const huge = { ...input({ bytes: 300_000_000 }) };
    huge.requests = async function* () {
      for (let i = 0; i < 300; i++) yield { customId: 'a', body: `"${'x'.repeat(1_000_000 - 64)}"` };
    };
    await expect(provider(options).upload(huge)).rejects.toMatchObject({ code: 'unavailable' });
    await server.close();
    server = await startScriptedServer((_request, response) => answerJson(response, 200, { id: 'file-1' }));
    const slow = provider({ ...options, idleMs: 100 }).upload(input({ delayMs: 2 }));
    await expect(slow).resolves.toMatchObject({ fileId: 'file-1' });
  });

  test('what the source throws is not taken for a fault of the line', async () => {
    server = await startScriptedServer((_request, response) => answerJson(response, 200, { id: 'file-1' }));
    const cause = new Error('disk I/O error');
    const broken = { ...input() };
    broken.requests = async function* () {
      yield* requests.slice(0, 5);
      throw cause;
    };
    await expect(provider(options).upload(broken)).rejects.toMatchObject({ code: 'internal', cause });
  });

  test('is ended by the signal', async () => {
    server = await startScriptedServer(() => {});
    const controller = new AbortController();
    const thrown = provider(options).upload(input({ signal: controller.signal }));
    setTimeout(() => controller.abort(), 20);
    await expect(thrown).rejects.toMatchObject({ code: 'aborted' });
  });

  test('a redirect is not followed, and the key goes nowhere else', async () => {
    const other = await startScriptedServer((_request, response) => answerJson(response, 200, { id: 'stolen' }));
    server = await startScriptedServer((_request, response) => {
      response.writeHead(307, { location: `${other.url}/v1/files` }).end();
    });
    await expect(provider(options).upload(input())).rejects.toMatchObject({ name: 'OffpeakError' });
    expect(other.seen).toHaveLength(0);
    await other.close();
  });
});

test('a body with a line break would be two lines', async () => {
  server = await startScriptedServer((_request, response) => answerJson(response, 200, { id: 'file-1' }));
  const broken = {
    ...input({ bytes: 1000 }),
    async *requests() {
      yield { customId: 'a', body: '{\n}' };
    },
  };
  await expect(provider().upload(broken)).rejects.toMatchObject({ code: 'internal' });
});
