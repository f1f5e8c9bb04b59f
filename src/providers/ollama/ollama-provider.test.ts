import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { ModelRequest } from '../../request.ts';
import { startSandbox } from '../../sandbox/sandbox.ts';
import { testProvider } from '../../testing/test-provider.ts';
import { answerJson, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';
import { createOllamaProvider } from './ollama-provider.ts';

testProvider(
  'ollama',
  async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'offpeak-ollama-'));
    const sandbox = await startSandbox({ stateDir });
    return {
      provider: createOllamaProvider({ host: sandbox.url, simulated: true }),
      async close() {
        await sandbox.close();
        await rm(stateDir, { recursive: true, force: true });
      },
    };
  },
  {
    chatModel: 'llama3.2:latest',
    visionModel: 'llama3.2-vision:latest',
    embeddingModel: 'nomic-embed-text:latest',
    unknownModel: 'no-such-model',
    schema: true,
  },
);

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const request: ModelRequest = {
  type: 'chat',
  model: 'llama3.2:latest',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
};
const good = { message: { role: 'assistant', content: 'ok' }, done: true, done_reason: 'stop' };

async function callAgainst(answer: (response: ServerResponse) => void, timeoutMs = 300) {
  server = await startScriptedServer((_, response) => answer(response));
  const provider = createOllamaProvider({ host: server.url });
  return provider.call(provider.toWire(request), { timeoutMs, signal: new AbortController().signal });
}

describe('toWire', () => {
  const { toWire: convert, askAgain } = createOllamaProvider();
  const toWire = (request: ModelRequest) => {
    const { endpoint, body } = convert(request);
    return { endpoint, body };
  };

  test('chat: the exact text, images beside it', () => {
    const chat: ModelRequest = {
      type: 'chat',
      model: 'llama3.2-vision',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What?' },
            { type: 'image', mediaType: 'image/png', base64: 'AAAA' },
            { type: 'document', name: 'a.txt', text: 'x' },
          ],
        },
      ],
      temperature: 0,
      maxTokens: 7,
      schema: { type: 'object' },
    };
    expect(toWire(chat)).toEqual({
      endpoint: '/api/chat',
      body: '{"model":"llama3.2-vision","messages":[{"role":"user","content":"What?\\n\\n<document name=\\"a.txt\\">\\nx\\n</document>","images":["AAAA"]}],"stream":false,"format":{"type":"object"},"options":{"temperature":0,"num_predict":7}}',
    });
  });

  test('native: never streamed, and only to paths of its own', () => {
    const native = { type: 'native', model: 'm', endpoint: '/api/generate', body: { prompt: 'x' } } as const;
    expect(toWire(native)).toEqual({ endpoint: '/api/generate', body: '{"model":"m","prompt":"x","stream":false}' });
    expect(() => toWire({ ...native, endpoint: '/api/delete' })).toThrow(/endpoint/);
    expect(() => toWire({ ...native, body: { stream: true } })).toThrow(/stream/);
  });

  test('images count as images; native limits are read; what is no conversation is not asked again', () => {
    const base64 = 'A'.repeat(1_000_000);
    const messages = [{ role: 'user', content: 'What?', images: [base64] }];
    const body = { messages, options: { num_predict: 50 } };
    const { size } = convert({ type: 'native', model: 'm', endpoint: '/api/chat', body });
    expect(size.inputTokens).toBeLessThan(1300);
    expect(size).toMatchObject({ maxOutputTokens: 50 });
    expect(size.maxInputTokens).toBeLessThan(5300);
    const unlimited = { type: 'native', model: 'm', endpoint: '/api/generate', body: { options: { num_predict: -1 } } };
    expect(convert(unlimited as ModelRequest).size).not.toHaveProperty('maxOutputTokens');
    expect(askAgain({ endpoint: '/api/generate', body: '{"prompt":"x"}' }, 'a', 'b')).toBeUndefined();
  });
});

describe('call', () => {
  test('usage, and the limit as finish reason', async () => {
    const body = { ...good, done_reason: 'length', prompt_eval_count: 26, eval_count: 298 };
    expect(await callAgainst((response) => answerJson(response, 200, body))).toEqual({
      type: 'succeeded',
      output: 'ok',
      finishReason: 'length',
      usage: { inputTokens: 26, outputTokens: 298 },
    });
  });

  test.each<[string, (response: ServerResponse) => void, Record<string, unknown>]>([
    [
      'no such model',
      (r) => answerJson(r, 404, { error: "model 'llama3.2:latest' not found" }),
      { code: 'invalid_request', message: expect.stringContaining('ollama pull llama3.2:latest'), retryable: false },
    ],
    ['400', (r) => answerJson(r, 400, { error: 'bad' }), { code: 'invalid_request', message: 'bad', retryable: false }],
    [
      '503',
      (r) => answerJson(r, 503, { error: 'busy' }, { 'retry-after': '1' }),
      { code: 'overloaded', retryable: true, retryAfterMs: 1000 },
    ],
    [
      'empty',
      (r) => answerJson(r, 200, { ...good, message: { content: '' } }),
      { code: 'empty_answer', retryable: true },
    ],
    [
      'cut',
      (r) => answerJson(r, 200, { ...good, message: { content: '' }, done_reason: 'length' }),
      { code: 'truncated' },
    ],
    ['HTML', (r) => r.end('<html>'), { code: 'malformed', retryable: true }],
    ['streamed all the same', (r) => r.end('{"done":false}\n{"done":true}\n'), { code: 'malformed' }],
    ['stall', () => {}, { code: 'timeout', retryable: true }],
    ['reset', (r) => r.socket?.resetAndDestroy(), { code: 'connection', retryable: true }],
  ])('%s', async (_, answer, failure) => {
    expect(await callAgainst(answer)).toMatchObject({ type: 'failed', ...failure });
  });

  test('nobody listens: what to do is said', async () => {
    const gone = await startScriptedServer(() => {});
    await gone.close();
    const provider = createOllamaProvider({ host: gone.url });
    const signal = new AbortController().signal;
    const remedy = { code: 'unavailable', retryable: true, message: expect.stringContaining('`ollama serve`') };
    await expect(provider.call(provider.toWire(request), { timeoutMs: 300, signal })).rejects.toMatchObject(remedy);
    await expect(provider.check()).rejects.toMatchObject(remedy);
  });

  test('a server that is no Ollama', async () => {
    server = await startScriptedServer((_, response) => response.end('<html>'));
    await expect(createOllamaProvider({ host: server.url }).check()).rejects.toMatchObject({ code: 'bad_answer' });
  });
});
