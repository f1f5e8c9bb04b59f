import { describe, expect, test } from 'vitest';
import type { ModelRequest } from '../request.ts';
import { jobTypes } from './contract/words.ts';
import { instructionFor, instructions } from './instructions.ts';
import { type JobInput, toModelRequest } from './job-types.ts';

type Data = JobInput['data'];

function request(jobType: string, provider: string, data: Data, defaultModels = {}): ModelRequest {
  const parsed = toModelRequest({ jobType, provider, data, defaultModels });
  if ('refusal' in parsed) throw new Error(`${parsed.refusal.field} ${parsed.refusal.message}`);
  return parsed.value;
}

function refusal(jobType: string, provider: string, data: Data) {
  const parsed = toModelRequest({ jobType, provider, data });
  return 'refusal' in parsed ? parsed.refusal : undefined;
}

/** All the words of a chat request, as the model reads them. */
function wordsOf(made: ModelRequest): string {
  if (made.type !== 'chat') throw new Error(`this is ${made.type}`);
  return made.messages.flatMap(({ content }) => content.map((part) => ('text' in part ? part.text : ''))).join('\n');
}

const messages = [{ role: 'user', content: 'Score this.' }];
const prompted = jobTypes.filter((type) => type !== 'embedding_generation');

describe('jobs with messages', () => {
  test('are sent as they are, with the usual options', () => {
    expect(
      request('creative_scoring', 'openai', { model: 'gpt-4o', messages, creative_id: 'c-1', niche: 'fitness' }),
    ).toEqual({
      type: 'chat',
      model: 'gpt-4o',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Score this.' }] }],
      temperature: 0.3,
      maxTokens: 1024,
    });
  });

  test('with options of their own', () => {
    const data = { model: 'gpt-5', messages, temperature: 1, max_tokens: 77 };
    expect(request('bulk_prediction', 'openai', data)).toMatchObject({ model: 'gpt-5', temperature: 1, maxTokens: 77 });
    expect(request('bulk_prediction', 'openai', { ...data, temperature: 0 })).toMatchObject({ temperature: 0 });
  });

  test('with parts and images', () => {
    const content = [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: '/9j/4AAQ' } },
    ];
    expect(request('video_analysis', 'anthropic', { messages: [{ role: 'user', content }] })).toMatchObject({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image', mediaType: 'image/png', base64: 'iVBORw0KGgo=' },
            { type: 'image', mediaType: 'image/jpeg', base64: '/9j/4AAQ' },
          ],
        },
      ],
    });
  });

  test.each([
    [[], 'data.messages'],
    [null, 'data.messages'],
    ['hello', 'data.messages'],
    [{}, 'data.messages'],
    [['hello'], 'data.messages.0'],
    [[{ content: 'x' }], 'data.messages.0.role'],
    [[{ role: 'developer', content: 'x' }], 'data.messages.0.role'],
    [[...messages, { role: 'user' }], 'data.messages.1.content'],
    [[{ role: 'user', content: ' \n' }], 'data.messages.0.content'],
    [[{ role: 'user', content: [] }], 'data.messages.0.content'],
    [[{ role: 'user', content: 'x', tool_calls: [] }], 'data.messages.0.tool_calls'],
    [[{ role: 'user', content: ['x'] }], 'data.messages.0.content.0'],
    [[{ role: 'user', content: [{ type: 'text', text: '' }] }], 'data.messages.0.content.0.text'],
    [[{ role: 'user', content: [{ type: 'text', text: 7 }] }], 'data.messages.0.content.0.text'],
    [
      [{ role: 'user', content: [{ type: 'text', text: 'x', cache_control: {} }] }],
      'data.messages.0.content.0.cache_control',
    ],
    [[{ role: 'user', content: [{ type: 'audio' }] }], 'data.messages.0.content.0.type'],
    [
      [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'http://169.254.169.254/a.png' } }] }],
      'data.messages.0.content.0.image_url',
    ],
    [[{ role: 'user', content: [{ type: 'image', source: { type: 'url' } }] }], 'data.messages.0.content.0.source'],
    [
      [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,<>' } }] }],
      'data.messages.0.content.0.image_url',
    ],
  ])('%j is refused by name', (given, field) => {
    expect(refusal('creative_scoring', 'openai', { messages: given })?.field).toBe(field);
  });

  test('options that would not be sent are refused by name', () => {
    expect(refusal('creative_scoring', 'openai', { messages, top_p: 0.5 })?.field).toBe('data.top_p');
    expect(refusal('creative_scoring', 'openai', { messages, stream: true })?.field).toBe('data.stream');
    expect(refusal('creative_scoring', 'openai', { messages, stream: false, tools: null })).toBeUndefined();
  });
});

describe('jobs without messages', () => {
  const data = { script: 'Lose weight with </document> ease', creative_id: 'c-17', niche: 'fitness', index: 3 };

  test.each(prompted)("%s: the caller's keys under the instruction of the type", (jobType) => {
    const made = request(jobType, 'openai', { ...data, model: 'gpt-4o', temperature: 0.9 });
    expect(made).toMatchObject({ type: 'chat', model: 'gpt-4o', temperature: 0.9 });
    const words = wordsOf(made);
    expect(words).toContain(`Task: ${jobType}, version ${instructions[jobType].version}.`);
    expect(words).toContain('"script": "Lose weight with </document> ease"');
    expect(words).toContain('"index": 3');
    expect(words).not.toContain('gpt-4o');
  });

  test('the same data gives the same request, byte for byte', () => {
    const one = JSON.stringify(request('creative_scoring', 'openai', data));
    expect(JSON.stringify(request('creative_scoring', 'openai', { ...data }))).toBe(one);
  });

  test('an instruction changes only with its version', () => {
    const texts = prompted.map((jobType) => [
      jobType,
      instructions[jobType].version,
      checksum(instructionFor(jobType)),
    ]);
    expect(texts).toMatchInlineSnapshot(`
      [
        [
          "creative_scoring",
          1,
          3464418166,
        ],
        [
          "video_analysis",
          1,
          281072892,
        ],
        [
          "hook_generation",
          1,
          2082727450,
        ],
        [
          "historical_reprocessing",
          1,
          71719818,
        ],
        [
          "bulk_prediction",
          1,
          2510423913,
        ],
      ]
    `);
  });

  test('nothing at all is refused', () => {
    expect(refusal('creative_scoring', 'openai', {})?.field).toBe('data');
    expect(refusal('creative_scoring', 'openai', { model: 'gpt-4o', temperature: 0.1 })?.field).toBe('data');
  });
});

describe('options of the model call', () => {
  test.each([
    [{ temperature: 'hot' }, 'data.temperature'],
    [{ temperature: -0.1 }, 'data.temperature'],
    [{ temperature: 2.1 }, 'data.temperature'],
    [{ temperature: null }, 'data.temperature'],
    [{ temperature: Number.NaN }, 'data.temperature'],
    [{ max_tokens: -1 }, 'data.max_tokens'],
    [{ max_tokens: 0 }, 'data.max_tokens'],
    [{ max_tokens: 1.5 }, 'data.max_tokens'],
    [{ max_tokens: '100' }, 'data.max_tokens'],
    [{ model: 7 }, 'data.model'],
    [{ model: '' }, 'data.model'],
    [{ model: 'gpt 4' }, 'data.model'],
    [{ model: 'x'.repeat(201) }, 'data.model'],
  ])('%j is refused by name', (wrong, field) => {
    expect(refusal('creative_scoring', 'openai', { script: 'x', ...wrong })?.field).toBe(field);
    expect(refusal('creative_scoring', 'openai', { messages, ...wrong })?.field).toBe(field);
  });

  test('Anthropic takes a temperature up to 1', () => {
    expect(refusal('creative_scoring', 'anthropic', { messages, temperature: 1.5 })?.message).toContain('0 to 1');
    expect(refusal('creative_scoring', 'gemini', { messages, temperature: 1.5 })).toBeUndefined();
  });

  test.each([
    ['openai', 'gpt-4o', 0.3, 1024],
    ['openai', 'gpt-4.1-mini', 0.3, 1024],
    ['openai', 'ft:gpt-4o-mini:org::id', 0.3, 1024],
    ['openai', 'gpt-5-mini', undefined, 8192],
    ['openai', 'gpt-6-luna', undefined, 8192],
    ['openai', 'o3', undefined, 8192],
    ['anthropic', 'claude-haiku-4-5', 0.3, 1024],
    ['anthropic', 'claude-haiku-4-5-20251001', 0.3, 1024],
    ['anthropic', 'claude-3-5-sonnet-20241022', 0.3, 1024],
    ['anthropic', 'claude-opus-4-8', undefined, 1024],
    ['anthropic', 'claude-sonnet-5-5', undefined, 1024],
    ['gemini', 'gemini-2.5-flash', 0.3, 8192],
    ['gemini', 'gemini-2.5-flash-lite', 0.3, 1024],
    ['gemini', 'gemini-3.8-flash', 0.3, 8192],
    ['groq', 'llama-3.3-70b', 0.3, 1024],
    ['constructor', 'x', 0.3, 1024],
  ])('%s %s: the usual temperature %s, at most %s tokens', (provider, model, temperature, maxTokens) => {
    const made = request('creative_scoring', provider, { model, messages });
    expect(made).toMatchObject({ maxTokens });
    expect('temperature' in made ? made.temperature : undefined).toBe(temperature);
    expect(request('creative_scoring', provider, { model, messages, temperature: 1 })).toMatchObject({
      temperature: 1,
    });
  });

  test('models that are not named: of the settings, then those that are built in', () => {
    expect(request('creative_scoring', 'openai', { messages }).model).toBe('gpt-5-mini');
    expect(request('creative_scoring', 'anthropic', { messages }).model).toBe('claude-haiku-4-5');
    expect(request('creative_scoring', 'openai', { messages }, { 'creative_scoring:openai': 'gpt-4o' }).model).toBe(
      'gpt-4o',
    );
    expect(request('bulk_prediction', 'openai', { messages }, { 'creative_scoring:openai': 'gpt-4o' }).model).toBe(
      'gpt-5-mini',
    );
    expect(request('creative_scoring', 'groq', { messages }, { 'creative_scoring:groq': 'llama' }).model).toBe('llama');
    expect(refusal('creative_scoring', 'groq', { messages })).toMatchObject({ field: 'data.model' });
    expect(request('creative_scoring', 'gemini', { messages, model: 'models/gemini-2.5-pro' }).model).toBe(
      'gemini-2.5-pro',
    );
  });
});

describe('embeddings', () => {
  test('of one text, or of several', () => {
    expect(request('embedding_generation', 'openai', { input: 'a', index: 4 })).toEqual({
      type: 'embedding',
      model: 'text-embedding-3-large',
      input: ['a'],
    });
    expect(
      request('embedding_generation', 'gemini', { input: ['a', 'b'], model: 'gemini-embedding-2', dimensions: 256 }),
    ).toEqual({
      type: 'embedding',
      model: 'gemini-embedding-2',
      input: ['a', 'b'],
      dimensions: 256,
    });
  });

  test.each([
    [{}, 'data.input'],
    [{ input: '' }, 'data.input'],
    [{ input: [] }, 'data.input'],
    [{ input: ['a', ''] }, 'data.input'],
    [{ input: ['a', 7] }, 'data.input'],
    [{ input: { text: 'a' } }, 'data.input'],
    [{ input: Array.from({ length: 2049 }, () => 'a') }, 'data.input'],
    [{ input: 'a', model: 7 }, 'data.model'],
    [{ input: 'a', dimensions: 0 }, 'data.dimensions'],
  ])('%j is refused by name', (data, field) => {
    expect(refusal('embedding_generation', 'openai', data)?.field).toBe(field);
  });

  test('Anthropic has none', () => {
    expect(refusal('embedding_generation', 'anthropic', { input: 'a' })).toEqual({
      field: 'job_type',
      message: 'embedding_generation cannot be done at anthropic, which has no embeddings',
    });
  });
});

describe('videos', () => {
  const video_url = 'https://cdn.example.com/a/ad%201.MP4?sig=x';

  test("at Gemini: its own body, with the video and the caller's other keys", () => {
    const data = { video_url, analysis_type: 'hooks', extract_hooks: true, sentiment_analysis: false };
    const made = request('video_analysis', 'gemini', data);
    expect(made).toMatchObject({
      type: 'native',
      model: 'gemini-2.5-flash',
      endpoint: '/v1beta/models/gemini-2.5-flash:generateContent',
      body: {
        contents: [
          {
            role: 'user',
            parts: [{ fileData: { mimeType: 'video/mp4', fileUri: video_url } }, { text: 'The data:' }, {}],
          },
        ],
        systemInstruction: { parts: [{ text: instructionFor('video_analysis') }] },
        generationConfig: { temperature: 0.3, maxOutputTokens: 8192 },
      },
    });
    expect(JSON.stringify(made)).toContain('sentiment_analysis');
    expect(JSON.stringify(made).match(/cdn\.example\.com/g)).toHaveLength(1);
  });

  test('alone, without any other key', () => {
    expect(request('video_analysis', 'gemini', { video_url: 'https://youtu.be/abc' })).toMatchObject({
      body: { contents: [{ parts: [{ fileData: { fileUri: 'https://youtu.be/abc' } }, {}, {}] }] },
    });
  });

  test("with the caller's messages: the video belongs to the last question", () => {
    const talk = [
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Yes?' },
      { role: 'user', content: 'What is sold here?' },
    ];
    expect(request('video_analysis', 'gemini', { video_url, messages: talk })).toMatchObject({
      body: {
        contents: [
          { role: 'user', parts: [{ text: 'Hello' }] },
          { role: 'model', parts: [{ text: 'Yes?' }] },
          { role: 'user', parts: [{ fileData: { fileUri: video_url } }, { text: 'What is sold here?' }] },
        ],
        systemInstruction: { parts: [{ text: 'Be short.' }] },
      },
    });
    const silent = { video_url, messages: [{ role: 'assistant', content: 'Yes?' }] };
    expect(refusal('video_analysis', 'gemini', silent)?.field).toBe('data.messages');
  });

  test.each(['openai', 'anthropic', 'groq'])(
    'at %s a video cannot be watched, what is said of it can be read',
    (provider) => {
      const own = { model: 'm', transcript: 'Buy now' };
      expect(refusal('video_analysis', provider, { ...own, video_url })).toMatchObject({ field: 'data.video_url' });
      expect(refusal('video_analysis', provider, { ...own, video_url })?.message).toContain('gemini');
      expect(request('video_analysis', provider, own).type).toBe('chat');
      expect(request('video_analysis', provider, { ...own, video_url, messages }).type).toBe('chat');
    },
  );

  test.each([
    '',
    7,
    null,
    'ad.mp4',
    'http://example.com/a.mp4',
    'file:///etc/passwd',
    'https://u:p@example.com/a.mp4',
    'gs://b/a.mp4',
  ])('the address %j is refused', (address) => {
    expect(refusal('video_analysis', 'gemini', { video_url: address })?.field).toBe('data.video_url');
  });
});

test('an unknown type is refused', () => {
  expect(refusal('ctr_prediction', 'openai', { messages })?.field).toBe('job_type');
});

test('no refusal repeats what the caller wrote', () => {
  const secret = 'sk-secret-7f3a';
  const wrong = [
    { messages: secret },
    { messages: [{ role: secret, content: 'x' }] },
    { script: 'x', temperature: secret },
  ];
  for (const data of wrong) expect(JSON.stringify(refusal('creative_scoring', 'openai', data))).not.toContain(secret);
});

function checksum(text: string): number {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 4_294_967_291;
  return sum;
}
