import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { content, type GeminiTestClient, type Json, openGeminiClient } from './test-client.ts';

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe('Gemini in realtime', () => {
  let client: GeminiTestClient;
  beforeEach(async () => {
    client = await openGeminiClient();
  });
  afterEach(() => client.close());
  const generate = (body: unknown, model = 'gemini-2.5-flash') =>
    client.call('POST', `/v1beta/models/${model}:generateContent`, body);
  const textOf = (json: Json): string => {
    const [candidate] = json.candidates as [{ content: { parts: [{ text: string }] } }];
    return candidate.content.parts[0].text;
  };
  const spoil = (fault: Json): void =>
    client.sandbox.setFaults({ rows: [{ match: {}, fault }] } as unknown as Parameters<
      GeminiTestClient['sandbox']['setFaults']
    >[0]);

  test('answers in camelCase, and counts thoughts as output', async () => {
    const { json, headers } = await generate(content('Whales sing long songs.'));
    expect(json).toEqual({
      candidates: [
        { content: { parts: [{ text: 'Whales sing long songs.' }], role: 'model' }, finishReason: 'STOP', index: 0 },
      ],
      usageMetadata: {
        promptTokenCount: 6,
        candidatesTokenCount: 6,
        totalTokenCount: 31,
        promptTokensDetails: [{ modality: 'TEXT', tokenCount: 6 }],
        candidatesTokensDetails: [{ modality: 'TEXT', tokenCount: 6 }],
        thoughtsTokenCount: 19,
      },
      modelVersion: 'gemini-2.5-flash',
      responseId: json.responseId,
    });
    expect(headers.get('x-request-id')).toBeNull();
    // gemini-2.5-flash: 0.3 and 2.5 USD per million tokens.
    expect(client.sandbox.ledger()).toMatchObject({ outputTokens: 25, chargedNanoUsd: 6 * 300 + 25 * 2500 });
    const quick = await generate(content('x', { generationConfig: { thinkingConfig: { thinkingBudget: 0 } } }));
    expect(quick.json.usageMetadata).not.toHaveProperty('thoughtsTokenCount');
  });

  test('takes snake_case and the schemas of both kinds', async () => {
    const schema = { type: 'OBJECT', properties: { b: { type: 'INTEGER' }, a: { type: 'STRING', nullable: true } } };
    const snake = await generate({
      contents: [{ parts: [{ text: 'Whales sing.' }] }],
      system_instruction: { parts: [{ text: 'Be brief.' }] },
      generation_config: {
        response_mime_type: 'application/json',
        response_schema: { ...schema, property_ordering: ['a', 'b'] },
      },
    });
    expect(textOf(snake.json)).toBe('{"a":"Whales sing.","b":1}');
    const jsonSchema = { type: 'object', properties: { n: { type: 'integer' } } };
    const config = { responseMimeType: 'application/json', responseJsonSchema: jsonSchema };
    expect(textOf((await generate(content('x', { generationConfig: config }))).json)).toBe('{"n":1}');
    const words = { responseMimeType: 'text/x.enum', responseSchema: { type: 'STRING', enum: ['cat', 'dog'] } };
    expect(textOf((await generate(content('x', { generationConfig: words }))).json)).toBe('cat');
    const free = await generate(content('x', { generationConfig: { responseSchema: jsonSchema } }));
    expect(free.json).toMatchObject({ error: { code: 400, status: 'INVALID_ARGUMENT' } });
  });

  test('sees images, stops at the limit, counts cached tokens', async () => {
    const image = { inlineData: { mimeType: 'image/png', data: PIXEL } };
    const seen = await generate({ contents: [{ parts: [{ text: 'What is this?' }, image] }] });
    expect(textOf(seen.json)).toContain('PNG image, 1 x 1 pixels');
    expect(seen.json).toMatchObject({
      usageMetadata: { promptTokensDetails: [{ modality: 'TEXT' }, { modality: 'IMAGE', tokenCount: 765 }] },
    });
    const cut = await generate(content('Whales sing long songs.', { generationConfig: { maxOutputTokens: 2 } }));
    expect(cut.json).toMatchObject({ candidates: [{ finishReason: 'MAX_TOKENS' }] });
    const cached = await generate(content('Hi.', { cachedContent: 'cachedContents/a' }));
    expect(cached.json).toMatchObject({ usageMetadata: { promptTokenCount: 2049, cachedContentTokenCount: 2048 } });
  });

  test('refuses bad keys, bodies, models and paths in its own words', async () => {
    const path = '/v1beta/models/gemini-2.5-flash:generateContent';
    const bad = await client.call('POST', path, content('x'), { 'x-goog-api-key': 'AIza-invalid-1' });
    expect(bad).toMatchObject({
      status: 400,
      json: { error: { code: 400, status: 'INVALID_ARGUMENT', details: [{ reason: 'API_KEY_INVALID' }] } },
    });
    expect(bad.text).not.toContain('AIza-invalid-1');
    expect((await client.call('POST', path, content('x'), {})).json).toMatchObject({ error: { code: 403 } });
    expect((await generate({})).json).toMatchObject({ error: { status: 'INVALID_ARGUMENT' } });
    expect((await generate({ contents: [{ role: 'system', parts: [{ text: 'x' }] }] })).status).toBe(400);
    expect((await generate({ contents: [{ parts: [{}] }] })).status).toBe(400);
    expect((await generate(content('x', { generationConfig: { temperature: 3 } }))).status).toBe(400);
    expect((await generate(content('x'), 'no-such-model')).json).toMatchObject({ error: { status: 'NOT_FOUND' } });
    expect((await client.call('POST', '/v1beta/nothing', {})).json).toMatchObject({ error: { status: 'NOT_FOUND' } });
    client.sandbox.setFaults({ routes: [{ method: 'POST', path, fault: { type: 'status', status: 429 } }] });
    const limited = await generate(content('x'));
    expect(limited.json).toMatchObject({ error: { code: 429, status: 'RESOURCE_EXHAUSTED' } });
    expect(limited.headers.get('retry-after')).toBeNull();
  });

  test('row faults strike here too', async () => {
    spoil({ type: 'refusal' });
    const blocked = (await generate(content('x'))).json;
    expect(blocked).toMatchObject({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } });
    expect(blocked.candidates).toBeUndefined();
    spoil({ type: 'refusal', stage: 'answer' });
    const stopped = (await generate(content('x'))).json.candidates as Json[];
    expect(stopped[0]).toMatchObject({ finishReason: 'SAFETY' });
    expect(stopped[0]).not.toHaveProperty('content');
    spoil({ type: 'empty-content' });
    expect((await generate(content('x'))).json.candidates).toEqual([
      { content: { role: 'model' }, finishReason: 'STOP', index: 0 },
    ]);
    spoil({ type: 'error', status: 503, message: 'Overloaded.' });
    expect((await generate(content('x'))).json.error).toEqual({
      code: 503,
      status: 'UNAVAILABLE',
      message: 'Overloaded.',
    });
    spoil({ type: 'huge', bytes: 5000 });
    expect(textOf((await generate(content('x'))).json)).toHaveLength(5000);
  });

  test('embeds one and many, and lists its models', async () => {
    const embed = (method: string, body: unknown) =>
      client.call('POST', `/v1beta/models/gemini-embedding-001:${method}`, body);
    const one = await embed('embedContent', { content: { parts: [{ text: 'a cat' }] } });
    const { values } = one.json.embedding as { values: number[] };
    expect(values).toHaveLength(3072);
    expect(Math.hypot(...values)).toBeCloseTo(1, 4);
    const request = { model: 'models/gemini-embedding-001', content: { parts: [{ text: 'a cat' }] } };
    const many = await embed('batchEmbedContents', { requests: [request, { ...request, output_dimensionality: 8 }] });
    const embeddings = many.json.embeddings as { values: number[] }[];
    expect(embeddings[0]?.values).toEqual(values);
    expect(embeddings[1]?.values).toHaveLength(8);
    expect((await embed('embedContent', {})).status).toBe(400);
    const listed = (await client.call('GET', '/v1beta/models?pageSize=3')).json;
    expect(listed.models).toHaveLength(3);
    const next = (await client.call('GET', `/v1beta/models?pageToken=${String(listed.nextPageToken)}`)).json;
    expect((next.models as Json[]).length).toBeGreaterThan(3);
    expect((await client.call('GET', '/v1beta/models/gemini-2.5-pro')).json.name).toBe('models/gemini-2.5-pro');
  });
});
