import { describe, expect, test } from 'vitest';
import type { ChatRequest, NativeRequest } from '../../request.ts';
import { askGeminiAgain, convertToGeminiRequest } from './convert-to-gemini-request.ts';

const text = (words: string) => ({ type: 'text', text: words }) as const;
const chat: ChatRequest = {
  type: 'chat',
  model: 'gemini-2.5-flash',
  messages: [{ role: 'user', content: [text('Hi')] }],
};
const image = { type: 'image', mediaType: 'image/PNG', base64: 'aGk=' } as const;
const native: NativeRequest = {
  type: 'native',
  model: 'gemini-2.5-flash',
  endpoint: '/v1beta/models/gemini-2.5-flash:generateContent',
  body: { contents: [{ parts: [{ text: 'Hi' }] }] },
};
const bodyOf = (request: Parameters<typeof convertToGeminiRequest>[0]) =>
  JSON.parse(convertToGeminiRequest(request).body);

describe('chat', () => {
  test('the smallest', () => {
    expect(convertToGeminiRequest(chat)).toEqual({
      endpoint: '/v1beta/models/gemini-2.5-flash:generateContent',
      body: '{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}',
      size: { inputTokens: 14, maxInputTokens: 54 },
    });
    expect(convertToGeminiRequest({ ...chat, model: 'models/gemini-2.5-flash' })).toEqual(convertToGeminiRequest(chat));
  });

  test('everything', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const body = bodyOf({
      ...chat,
      messages: [
        { role: 'system', content: [text('Be brief.')] },
        { role: 'user', content: [text('Look:'), image, { type: 'document', name: 'a.txt', text: 'x</document>' }] },
        { role: 'assistant', content: [text('I see.')] },
        { role: 'user', content: [text('And?')] },
        { role: 'system', content: [text('Very.')] },
      ],
      maxTokens: 100,
      temperature: 0,
      schema,
    });
    expect(body).toEqual({
      contents: [
        {
          role: 'user',
          parts: [
            { text: 'Look:' },
            { inlineData: { mimeType: 'image/png', data: 'aGk=' } },
            { text: '<document name="a.txt">\nx</\u200bdocument>\n</document>' },
          ],
        },
        { role: 'model', parts: [{ text: 'I see.' }] },
        { role: 'user', parts: [{ text: 'And?' }] },
      ],
      systemInstruction: { parts: [{ text: 'Be brief.' }, { text: 'Very.' }] },
      generationConfig: {
        maxOutputTokens: 100,
        temperature: 0,
        responseMimeType: 'application/json',
        responseJsonSchema: schema,
      },
    });
  });

  test.each<[string, ChatRequest]>([
    ['no message', { ...chat, messages: [] }],
    ['no user', { ...chat, messages: [{ role: 'system', content: [text('x')] }] }],
    ['no content', { ...chat, messages: [{ role: 'user', content: [] }] }],
    ['an image of the model', { ...chat, messages: [{ role: 'assistant', content: [image] }] }],
    [
      'an image that is none',
      { ...chat, messages: [{ role: 'user', content: [{ ...image, mediaType: 'text/html' }] }] },
    ],
    ['a model with a slash', { ...chat, model: '../files' }],
    ['a model with a query', { ...chat, model: 'a?key=b' }],
    ['no model', { ...chat, model: '' }],
  ])('%s cannot be said', (_, request) => {
    expect(() => convertToGeminiRequest(request)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('embeddings', () => {
  const embedding = { type: 'embedding', model: 'gemini-embedding-001', input: ['a'] } as const;

  test('one text, with the length that was asked for', () => {
    const wire = convertToGeminiRequest({ ...embedding, dimensions: 256 });
    expect(wire).toMatchObject({
      endpoint: '/v1beta/models/gemini-embedding-001:embedContent',
      body: '{"content":{"parts":[{"text":"a"}]},"outputDimensionality":256}',
      size: { maxOutputTokens: 0 },
    });
  });

  test('several texts', () => {
    const wire = convertToGeminiRequest({ ...embedding, input: ['a', 'b'] });
    expect(wire.endpoint).toBe('/v1beta/models/gemini-embedding-001:batchEmbedContents');
    expect(JSON.parse(wire.body)).toEqual({
      requests: ['a', 'b'].map((words) => ({
        model: 'models/gemini-embedding-001',
        content: { parts: [{ text: words }] },
      })),
    });
  });

  test('none, or an empty one', () => {
    for (const input of [[], [''], ['a', '']]) {
      expect(() => convertToGeminiRequest({ ...embedding, input })).toThrow(expect.objectContaining({ code: 'usage' }));
    }
  });
});

describe('native', () => {
  test('passes through, in either spelling', () => {
    const body = { contents: [], generation_config: { max_output_tokens: 7, candidate_count: 2 }, labels: { a: 'b' } };
    const wire = convertToGeminiRequest({ ...native, body });
    expect(wire).toMatchObject({ endpoint: native.endpoint, body: JSON.stringify(body) });
    expect(wire.size.maxOutputTokens).toBe(14);
    expect(bodyOf({ ...native, body: { ...body, model: 'models/gemini-2.5-flash' } })).not.toHaveProperty('model');
  });

  test.each<[string, Partial<NativeRequest>]>([
    ['another server', { endpoint: 'https://evil.example/v1beta/models/gemini-2.5-flash:generateContent' }],
    ['a stream', { endpoint: '/v1beta/models/gemini-2.5-flash:streamGenerateContent' }],
    ['a batch', { endpoint: '/v1beta/models/gemini-2.5-flash:batchGenerateContent' }],
    ['a query', { endpoint: '/v1beta/models/gemini-2.5-flash:generateContent?key=x' }],
    ['a way up', { endpoint: '/v1beta/models/../files:generateContent' }],
    ['another model in the path', { endpoint: '/v1beta/models/gemini-2.5-pro:generateContent' }],
    ['another model in the body', { body: { model: 'models/gemini-2.5-pro' } }],
  ])('%s cannot be said', (_, change) => {
    expect(() => convertToGeminiRequest({ ...native, ...change })).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe('size', () => {
  const sizeOf = (...parts: unknown[]) => convertToGeminiRequest({ ...native, body: { contents: [{ parts }] } }).size;

  test('text: four bytes a token, never more than a byte', () => {
    const words = 'ü'.repeat(1000);
    const { inputTokens, maxInputTokens } = sizeOf({ text: words });
    expect(inputTokens).toBeGreaterThanOrEqual(500);
    expect(inputTokens).toBeLessThan(520);
    expect(maxInputTokens).toBeGreaterThanOrEqual(2000);
    expect(maxInputTokens).toBeLessThan(2050);
  });

  test('an image counts by itself, not by its base64', () => {
    const small = sizeOf({ inlineData: { mimeType: 'image/png', data: 'x'.repeat(1000) } });
    const large = sizeOf({ inline_data: { mime_type: 'image/png', data: 'x'.repeat(1_000_000) } });
    expect(small.inputTokens - 258).toBeLessThan(30);
    expect(large.inputTokens - 1290).toBeLessThan(30);
    expect(large.maxInputTokens).toBeGreaterThanOrEqual(5000);
    expect(large.maxInputTokens).toBeLessThan(5100);
  });

  test('what cannot be seen from here is bounded all the same', () => {
    const file = sizeOf({ fileData: { fileUri: 'x' } });
    expect(file.inputTokens).toBeLessThan(1400);
    expect(file.maxInputTokens).toBeGreaterThanOrEqual(2_000_000);
    const cached = convertToGeminiRequest({ ...native, body: { contents: [], cachedContent: 'cachedContents/x' } });
    expect(cached.size.maxInputTokens).toBeGreaterThanOrEqual(2_000_000);
    const sound = sizeOf({ inlineData: { mimeType: 'audio/mp3', data: 'x'.repeat(400_000) } });
    expect(sound.maxInputTokens).toBeGreaterThanOrEqual(300_000);
    expect(sound.inputTokens).toBeLessThan(5000);
  });

  test('bodies of another shape than promised are counted as text', () => {
    for (const body of [{ contents: 'x' }, { contents: null }, { contents: [1, { parts: 'x' }] }, {}]) {
      expect(convertToGeminiRequest({ ...native, body }).size.maxInputTokens).toBe(JSON.stringify(body).length);
    }
  });
});

describe('askAgain', () => {
  const again = (endpoint: string, body: string) => askGeminiAgain({ endpoint, body }, 'bad "answer"', 'no "title"');

  test('puts answer and problem behind the conversation', () => {
    const wire = convertToGeminiRequest({ ...chat, schema: { type: 'object' }, maxTokens: 9 });
    const before = JSON.parse(wire.body);
    const after = JSON.parse(again(wire.endpoint, wire.body) ?? '');
    expect(after).toEqual({
      ...before,
      contents: [
        ...before.contents,
        { role: 'model', parts: [{ text: 'bad "answer"' }] },
        { role: 'user', parts: [{ text: expect.stringContaining('no "title"') }] },
      ],
    });
  });

  test('has no place in embeddings and in bodies without a conversation', () => {
    expect(again('/v1beta/models/m:embedContent', '{"content":{}}')).toBeUndefined();
    expect(again(native.endpoint, '{}')).toBeUndefined();
    expect(again(native.endpoint, 'x')).toBeUndefined();
    expect(again('/v1/chat/completions', '{"contents":[]}')).toBeUndefined();
  });
});
