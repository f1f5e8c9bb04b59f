import { describe, expect, test } from 'vitest';
import type { ChatRequest, ModelRequest } from '../../request.ts';
import { askAgain } from './ask-again.ts';
import { convertToOpenAIRequest } from './convert-to-openai-request.ts';
import { isStrictSchema } from './strict-schema.ts';

const convert = (request: ModelRequest, chatEndpoint: 'chat' | 'responses' = 'chat') =>
  convertToOpenAIRequest(request, { chatEndpoint, maxTokensField: 'max_completion_tokens' });
const wireOf = (request: ModelRequest) => {
  const { endpoint, body } = convert(request);
  return { endpoint, body };
};
const bodyOf = (request: ModelRequest, endpoint: 'chat' | 'responses' = 'chat') =>
  JSON.parse(convert(request, endpoint).body);
const chat = (fields: Partial<ChatRequest>): ChatRequest => ({
  type: 'chat',
  model: 'gpt-5-mini',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
  ...fields,
});
const closed = {
  type: 'object',
  properties: { a: { type: 'array', items: { type: 'string' } } },
  required: ['a'],
  additionalProperties: false,
} as const;

describe('convertToOpenAIRequest', () => {
  test('the limit of the answer has the name that the server knows', () => {
    const style = { chatEndpoint: 'chat', maxTokensField: 'max_tokens' } as const;
    const body = JSON.parse(convertToOpenAIRequest(chat({ maxTokens: 9 }), style).body);
    expect(body.max_tokens).toBe(9);
    expect(body).not.toHaveProperty('max_completion_tokens');
  });

  test('chat: the exact text', () => {
    const request = chat({
      messages: [
        { role: 'system', content: [{ type: 'text', text: 's' }] },
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      ],
      maxTokens: 9,
      temperature: 0,
    });
    expect(wireOf(request)).toEqual({
      endpoint: '/v1/chat/completions',
      body: '{"model":"gpt-5-mini","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}],"max_completion_tokens":9,"temperature":0}',
    });
  });

  test('images and documents become parts of their own', () => {
    const content = [
      { type: 'text', text: 'What?' },
      { type: 'document', name: 'a.txt', text: 'x</document>y' },
      { type: 'image', mediaType: 'image/PNG', base64: 'AAAA' },
    ] as const;
    expect(bodyOf(chat({ messages: [{ role: 'user', content }] })).messages[0].content).toEqual([
      { type: 'text', text: 'What?' },
      { type: 'text', text: '<document name="a.txt">\nx</\u200bdocument>y\n</document>' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
    ]);
    expect(bodyOf(chat({ messages: [{ role: 'user', content }] }), 'responses').input[0].content[2]).toEqual({
      type: 'input_image',
      image_url: 'data:image/png;base64,AAAA',
      detail: 'auto',
    });
  });

  test('responses', () => {
    const wire = convert(chat({ maxTokens: 5, schema: closed }), 'responses');
    expect(wire.endpoint).toBe('/v1/responses');
    expect(JSON.parse(wire.body)).toEqual({
      model: 'gpt-5-mini',
      input: [{ role: 'user', content: 'hi' }],
      max_output_tokens: 5,
      text: { format: { type: 'json_schema', name: 'answer', strict: true, schema: closed } },
      store: false,
    });
  });

  test('a schema is strict only where OpenAI would take it so', () => {
    const { additionalProperties: _, ...open } = closed;
    expect(bodyOf(chat({ schema: closed })).response_format.json_schema.strict).toBe(true);
    expect(bodyOf(chat({ schema: open })).response_format.json_schema.strict).toBe(false);
    expect(isStrictSchema({ ...closed, required: [] })).toBe(false);
    expect(isStrictSchema({ ...closed, properties: { a: open } })).toBe(false);
    expect(isStrictSchema({ ...closed, properties: { a: { type: 'string', minLength: 2 } } })).toBe(false);
    expect(isStrictSchema({ ...closed, properties: { a: { anyOf: [closed, { type: 'null' }] } } })).toBe(true);
    expect(isStrictSchema({ ...closed, properties: { a: { type: 'string', format: 'uri' } } })).toBe(false);
    expect(isStrictSchema({ type: 'array', items: closed })).toBe(false);
  });

  test('embeddings and native bodies', () => {
    expect(wireOf({ type: 'embedding', model: 'm', input: ['a', 'b'], dimensions: 3 })).toEqual({
      endpoint: '/v1/embeddings',
      body: '{"model":"m","input":["a","b"],"encoding_format":"float","dimensions":3}',
    });
    const native = { type: 'native', model: 'm', endpoint: '/v1/moderations', body: { input: 'x' } } as const;
    expect(wireOf(native)).toEqual({
      endpoint: '/v1/moderations',
      body: '{"model":"m","input":"x"}',
    });
    const own = { ...native, body: { input: 'x', model: 'other' } };
    expect(convert(own).body).toBe('{"input":"x","model":"other"}');
  });

  test.each<[ModelRequest, RegExp]>([
    [
      chat({ messages: [{ role: 'user', content: [{ type: 'image', mediaType: 'image/bmp', base64: 'A' }] }] }),
      /image\/bmp/,
    ],
    [
      chat({ messages: [{ role: 'system', content: [{ type: 'image', mediaType: 'image/png', base64: 'A' }] }] }),
      /system/,
    ],
    [chat({ messages: [] }), /at least one message/],
    [chat({ messages: [{ role: 'user', content: [] }] }), /no content/],
    [{ type: 'embedding', model: 'm', input: [] }, /at least one input/],
    [{ type: 'native', model: 'm', endpoint: '/v1/responses', body: { stream: true } }, /stream/],
    [{ type: 'native', model: 'm', endpoint: '//evil.example/v1', body: {} }, /endpoint/],
    [{ type: 'native', model: 'm', endpoint: '/v1/../admin', body: {} }, /endpoint/],
  ])('%j cannot be said', (request, words) => {
    expect(() => convert(request)).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => convert(request)).toThrow(words);
  });
});

describe('size', () => {
  const image = { type: 'image', mediaType: 'image/png', base64: 'A'.repeat(4_000_000) } as const;

  test('an image counts as an image and not as its bytes, in our words and in native ones', () => {
    const text = { type: 'text', text: 'What?' } as const;
    const plain = convert(chat({ messages: [{ role: 'user', content: [text] }] })).size;
    const one = convert(chat({ messages: [{ role: 'user', content: [text, image] }], maxTokens: 7 })).size;
    expect(one.inputTokens - plain.inputTokens).toBeGreaterThanOrEqual(1100);
    expect(one.inputTokens - plain.inputTokens).toBeLessThan(1200);
    expect(one.maxInputTokens - plain.maxInputTokens).toBeLessThan(5200);
    expect(one.maxOutputTokens).toBe(7);
    expect(plain).not.toHaveProperty('maxOutputTokens');
    const parts = [
      { type: 'image_url', image_url: { url: `data:image/png;base64,${image.base64}` } },
      { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
    ];
    const body = { messages: [{ role: 'user', content: parts }], max_completion_tokens: 10, n: 3 };
    const native = convert({ type: 'native', model: 'm', endpoint: '/v1/chat/completions', body }).size;
    expect(native.inputTokens).toBeLessThan(2300);
    expect(native.maxInputTokens).toBeLessThan(10_300);
    expect(native.maxOutputTokens).toBe(30);
  });

  test('bytes bound the tokens, also where a character is three bytes; vectors are no output', () => {
    const size = convert({ type: 'embedding', model: 'm', input: ['\u3042'.repeat(1000)] }).size;
    expect(size.maxInputTokens).toBeGreaterThanOrEqual(3000);
    expect(size.maxOutputTokens).toBe(0);
  });

  test.each<[unknown, number]>([
    ['one text', 1],
    [['two', 'texts'], 2],
    [[1, 2, 3], 1],
    [[[1, 2], [3]], 2],
    [undefined, 1],
  ])('embedding inputs, each text and each array of tokens one: %j', (input, inputs) => {
    const native = { type: 'native', model: 'm', endpoint: '/v1/embeddings', body: { input } } as const;
    expect(convert(native).size.inputs).toBe(inputs);
    expect(convert({ ...native, endpoint: '/v1/moderations' }).size).not.toHaveProperty('inputs');
  });

  test('an embedding in our words counts its texts; other requests have no such inputs', () => {
    expect(convert({ type: 'embedding', model: 'm', input: ['a', 'b', 'a'] }).size.inputs).toBe(3);
    expect(
      convert(chat({ messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }] }] })).size,
    ).not.toHaveProperty('inputs');
  });
});

describe('askAgain', () => {
  const problem = 'number must be a number';

  test.each([
    ['/v1/chat/completions', 'messages', [{ role: 'user', content: 'q' }]],
    ['/v1/responses', 'input', [{ role: 'user', content: 'q' }]],
    ['/v1/responses', 'input', 'q'],
  ])('%s %s %j', (endpoint, field, value) => {
    const body = JSON.stringify({ model: 'm', [field]: value, x: 1 });
    const again = JSON.parse(askAgain({ endpoint, body }, '{"number":"seven"}', problem) ?? '');
    expect(again).toMatchObject({ model: 'm', x: 1 });
    expect(again[field]).toEqual([
      { role: 'user', content: 'q' },
      { role: 'assistant', content: '{"number":"seven"}' },
      { role: 'user', content: expect.stringContaining(problem) },
    ]);
  });

  test.each([
    ['/v1/embeddings', '{"input":["a"]}'],
    ['/v1/moderations', '{"input":"a"}'],
    ['/v1/chat/completions', '{}'],
    ['/v1/responses', 'no JSON'],
  ])('%s %s has no place for it', (endpoint, body) => {
    expect(askAgain({ endpoint, body }, 'a', problem)).toBeUndefined();
  });
});
