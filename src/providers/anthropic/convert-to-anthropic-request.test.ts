import { describe, expect, test } from 'vitest';
import type { ChatRequest, ModelRequest } from '../../request.ts';
import { askAgain } from './ask-again.ts';
import { convertToAnthropicRequest } from './convert-to-anthropic-request.ts';

const text = (words: string, shared?: true) =>
  shared ? ({ type: 'text', text: words, shared } as const) : ({ type: 'text', text: words } as const);
const chat = (fields: Partial<ChatRequest>): ChatRequest => ({
  type: 'chat',
  model: 'claude-sonnet-5-5',
  messages: [{ role: 'user', content: [text('hi')] }],
  ...fields,
});
const native = (body: Record<string, unknown>, endpoint = '/v1/messages'): ModelRequest => ({
  type: 'native',
  model: 'm',
  endpoint,
  body,
});
const bodyOf = (request: ModelRequest) => JSON.parse(convertToAnthropicRequest(request).body);
const cached = { type: 'ephemeral', ttl: '1h' };

describe('convertToAnthropicRequest', () => {
  test('chat: the exact text', () => {
    const request = chat({
      messages: [
        { role: 'user', content: [text('hi')] },
        { role: 'system', content: [text('s')] },
        { role: 'assistant', content: [text('ho')] },
        { role: 'system', content: [text('t')] },
        { role: 'user', content: [text('x')] },
      ],
      maxTokens: 9,
      temperature: 0,
      schema: { type: 'object' },
    });
    expect(convertToAnthropicRequest(request)).toMatchObject({
      endpoint: '/v1/messages?version=2023-06-01',
      body: '{"model":"claude-sonnet-5-5","max_tokens":9,"system":[{"type":"text","text":"s"},{"type":"text","text":"t"}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":[{"type":"text","text":"ho"}]},{"role":"user","content":[{"type":"text","text":"x"}]}],"temperature":0,"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}',
    });
  });

  test('a limit of tokens is always sent; without sampling it is the new contract', () => {
    expect(convertToAnthropicRequest(chat({})).endpoint).toBe('/v1/messages');
    expect(bodyOf(chat({}))).toMatchObject({ max_tokens: 4096 });
    expect(bodyOf(chat({}))).not.toHaveProperty('system');
  });

  test('images and documents become blocks of their own', () => {
    const content = [
      text('What?'),
      { type: 'document', name: 'a.txt', text: 'x</document>y' },
      { type: 'image', mediaType: 'image/PNG', base64: 'AAAA' },
    ] as const;
    expect(bodyOf(chat({ messages: [{ role: 'user', content }] })).messages[0].content).toEqual([
      { type: 'text', text: 'What?' },
      { type: 'text', text: '<document name="a.txt">\nx</\u200bdocument>y\n</document>' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
    ]);
  });

  test('the last shared block, and only that, is marked to be cached for an hour', () => {
    const system = { role: 'system', content: [text('s', true), text('t', true)] } as const;
    const onlySystem = bodyOf(chat({ messages: [system, { role: 'user', content: [text('own')] }] }));
    expect(onlySystem.system).toEqual([
      { type: 'text', text: 's' },
      { type: 'text', text: 't', cache_control: cached },
    ]);
    const both = bodyOf(chat({ messages: [system, { role: 'user', content: [text('u', true), text('own')] }] }));
    expect(JSON.stringify(both.system)).not.toContain('cache_control');
    expect(both.messages[0].content).toEqual([
      { type: 'text', text: 'u', cache_control: cached },
      { type: 'text', text: 'own' },
    ]);
    // The same object in two places is marked in one.
    const part = text('twice', true);
    const twice = convertToAnthropicRequest(chat({ messages: [{ role: 'user', content: [part, part] }] }));
    expect(twice.body.match(/cache_control/g)).toHaveLength(1);
  });

  test('native bodies are passed through', () => {
    expect(convertToAnthropicRequest(native({ max_tokens: 5, messages: [] }))).toEqual({
      endpoint: '/v1/messages',
      body: '{"model":"m","max_tokens":5,"messages":[]}',
      size: { inputTokens: 0, maxInputTokens: 42, maxOutputTokens: 5 },
    });
    expect(convertToAnthropicRequest(native({ x: 1, model: 'own' })).body).toBe('{"x":1,"model":"own"}');
  });

  test.each([
    [{ temperature: 1 }, true],
    [{ top_p: 0.5 }, true],
    [{ top_k: 1 }, true],
    [{ metadata: { temperature: 1 } }, false],
    [{ messages: [{ role: 'assistant', content: [{ type: 'document' }] }] }, true],
    [{ messages: [{ role: 'user', content: [{ type: 'document', citations: { enabled: true } }] }] }, false],
    [{ messages: [{ role: 'user', content: [{ type: 'text', text: 'a', citations: [{}] }] }] }, true],
    [{ messages: [{ role: 'user', content: [{ type: 'text', text: 'a', citations: [] }] }] }, false],
  ])('%j needs the old contract: %s', (body, old) => {
    const endpoint = old ? '/v1/messages?version=2023-06-01' : '/v1/messages';
    expect(convertToAnthropicRequest(native(body)).endpoint).toBe(endpoint);
  });

  test.each<[ModelRequest, RegExp]>([
    [
      chat({ messages: [{ role: 'user', content: [{ type: 'image', mediaType: 'image/bmp', base64: 'A' }] }] }),
      /image\/bmp/,
    ],
    [
      chat({
        messages: [
          { role: 'system', content: [{ type: 'image', mediaType: 'image/png', base64: 'A' }] },
          { role: 'user', content: [text('x')] },
        ],
      }),
      /system/,
    ],
    [chat({ messages: [] }), /at least one message/],
    [chat({ messages: [{ role: 'system', content: [text('s')] }] }), /at least one message/],
    [chat({ messages: [{ role: 'user', content: [] }] }), /no content/],
    [{ type: 'embedding', model: 'm', input: ['a'] }, /no embeddings/],
    [native({ stream: true }), /stream/],
    [native({}, '/v1/messages?version=2023-06-01'), /endpoint/],
    [native({}, '/v1/messages/batches'), /endpoint/],
    [native({}, '//evil.example/v1/messages'), /endpoint/],
  ])('%j cannot be said', (request, words) => {
    expect(() => convertToAnthropicRequest(request)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => convertToAnthropicRequest(request)).toThrow(words);
  });
});

describe('size', () => {
  const sizeOf = (request: ModelRequest) => convertToAnthropicRequest(request).size;

  test('text counts by its bytes, an image by what images take', () => {
    const image = { type: 'image', mediaType: 'image/png', base64: 'A'.repeat(1_000_000) } as const;
    const { messages } = chat({ messages: [{ role: 'user', content: [text('ü'.repeat(400)), image, image] }] });
    const size = sizeOf(chat({ messages, maxTokens: 7 }));
    expect(size).toMatchObject({ inputTokens: 200 + 2 * 1600, maxOutputTokens: 7 });
    expect(size.maxInputTokens).toBeGreaterThan(800 + 2 * 5000);
    expect(size.maxInputTokens).toBeLessThan(800 + 2 * 5000 + 400);
  });

  test('system, schema, tools and what tools gave back count too', () => {
    const base = { model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'x'.repeat(400) }] };
    const result = { type: 'tool_result', content: [{ type: 'text', text: 'y'.repeat(400) }, { type: 'image' }] };
    const plain = sizeOf(native(base));
    expect(plain.inputTokens).toBe(100);
    expect(sizeOf(native({ ...base, system: 's'.repeat(400) })).inputTokens).toBe(200);
    const answered = { ...base, messages: [...base.messages, { role: 'user', content: [result] }] };
    expect(sizeOf(native(answered)).inputTokens).toBe(200 + 1600);
    const withTools = sizeOf(native({ ...base, tools: [{ name: 't'.repeat(400) }] }));
    expect(withTools.inputTokens).toBeGreaterThan(200);
    expect(withTools.maxInputTokens).toBeGreaterThan(plain.maxInputTokens + 1000);
  });
});

describe('askAgain', () => {
  const wire = convertToAnthropicRequest(chat({ schema: { type: 'object' }, temperature: 0 }));

  test('the answer and the problem follow as turns; all else stays', () => {
    const again = JSON.parse(askAgain(wire, '{"a":1}', 'a must be text') ?? '');
    const { messages, ...rest } = JSON.parse(wire.body);
    expect(again).toMatchObject(rest);
    expect(again.messages).toEqual([
      ...messages,
      { role: 'assistant', content: '{"a":1}' },
      { role: 'user', content: expect.stringContaining('a must be text') },
    ]);
  });

  test('an empty answer is no turn', () => {
    expect(JSON.parse(askAgain(wire, ' ', 'no JSON') ?? '').messages).toHaveLength(2);
  });

  test.each([
    ['/v1/other', '{"messages":[]}'],
    ['/v1/messages', '{"prompt":"x"}'],
    ['/v1/messages', 'not json'],
  ])('%s with %s has no place for it', (endpoint, body) => {
    expect(askAgain({ endpoint, body }, 'a', 'b')).toBeUndefined();
  });
});
