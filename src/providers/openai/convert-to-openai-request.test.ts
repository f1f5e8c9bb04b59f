import { describe, expect, test } from 'vitest';
import type { ChatRequest, ModelRequest } from '../../request.ts';
import { convertToOpenAIRequest } from './convert-to-openai-request.ts';
import { isStrictSchema } from './strict-schema.ts';

const bodyOf = (request: ModelRequest, endpoint: 'chat' | 'responses' = 'chat') =>
  JSON.parse(convertToOpenAIRequest(request, endpoint).body);
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
  test('chat: the exact text', () => {
    const request = chat({
      messages: [
        { role: 'system', content: [{ type: 'text', text: 's' }] },
        { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      ],
      maxTokens: 9,
      temperature: 0,
    });
    expect(convertToOpenAIRequest(request, 'chat')).toEqual({
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
    const wire = convertToOpenAIRequest(chat({ maxTokens: 5, schema: closed }), 'responses');
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
    expect(convertToOpenAIRequest({ type: 'embedding', model: 'm', input: ['a', 'b'], dimensions: 3 }, 'chat')).toEqual(
      {
        endpoint: '/v1/embeddings',
        body: '{"model":"m","input":["a","b"],"encoding_format":"float","dimensions":3}',
      },
    );
    const native = { type: 'native', model: 'm', endpoint: '/v1/moderations', body: { input: 'x' } } as const;
    expect(convertToOpenAIRequest(native, 'chat')).toEqual({
      endpoint: '/v1/moderations',
      body: '{"model":"m","input":"x"}',
    });
    const own = { ...native, body: { input: 'x', model: 'other' } };
    expect(convertToOpenAIRequest(own, 'chat').body).toBe('{"input":"x","model":"other"}');
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
    expect(() => convertToOpenAIRequest(request, 'chat')).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(() => convertToOpenAIRequest(request, 'chat')).toThrow(words);
  });
});
