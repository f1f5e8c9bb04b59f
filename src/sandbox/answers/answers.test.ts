import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { composeAnswer } from './compose.ts';
import { embed, vectorBase64 } from './embedding.ts';
import { describeImage } from './image.ts';
import { buildPrompt, type PromptMessage } from './prompt.ts';
import { valueForSchema } from './schema-value.ts';
import { summarise } from './summary.ts';

const user = (text: string, urls: string[] = []): PromptMessage => ({
  role: 'user',
  text,
  images: urls.map((url) => ({ url, lowDetail: false })),
});

describe('summary', () => {
  test('takes telling sentences in their order, sixty words at most', () => {
    const text =
      'Storage prices fell. The weather was nice. Storage prices follow storage capacity, and capacity doubled this year. I had lunch.';
    const summary = summarise(text);
    expect(summary).toContain('Storage prices');
    expect(text.replace(/\s+/g, ' ')).toContain(summary.split('. ')[0]);
    expect(summarise('word '.repeat(5000)).split(' ').length).toBeLessThanOrEqual(61);
    expect(summarise('')).toBe('The document is empty.');
  });

  test('only the inside of a document block counts', () => {
    const prompt = buildPrompt([
      { role: 'system', text: 'Be brief.', images: [] },
      user('Summarise this file.\n<document name="doc1.txt">\nWhales sing long songs.\n</document>'),
    ]);
    expect(composeAnswer(prompt, undefined).text).toBe('Whales sing long songs.');
  });

  test('the limit of output tokens cuts', () => {
    const prompt = buildPrompt([user('Whales sing long songs in deep water.')], { maxOutputTokens: 3 });
    expect(composeAnswer(prompt, undefined)).toMatchObject({ text: 'Whales sing ', cut: true, outputTokens: 3 });
  });
});

/** An 8-bit RGB picture: the upper half white, the lower half blue. */
function png(width: number, height: number): string {
  const chunk = (type: string, data: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length, 0);
    head.write(type, 4, 'latin1');
    return Buffer.concat([head, data, Buffer.alloc(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const lines = Array.from({ length: height }, (_, y) => {
    const line = Buffer.alloc(1 + width * 3);
    for (let x = 0; x < width; x++) line.set(y < height / 2 ? [255, 255, 255] : [20, 40, 220], 1 + x * 3);
    return line;
  });
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const parts = [
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(lines))),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return `data:image/png;base64,${Buffer.concat(parts).toString('base64')}`;
}

describe('images', () => {
  test('PNG with colours, other formats with their size, the rest in words', () => {
    expect(describeImage(png(40, 20))).toBe('A PNG image, 40 x 20 pixels; mainly white (50 %) and blue (50 %).');
    const gif = Buffer.from('GIF89a\x10\x00\x20\x00\x00\x00\x00\x00\x00\x00', 'latin1').toString('base64');
    expect(describeImage(`data:image/gif;base64,${gif}`)).toBe('A GIF image, 16 x 32 pixels.');
    const jpeg = Buffer.from('ffd8ffe000040000ffc00011080064012c03011100021100031100', 'hex').toString('base64');
    expect(describeImage(`data:image/jpeg;base64,${jpeg}`)).toBe('A JPEG image, 300 x 100 pixels.');
    expect(describeImage('https://example.com/a.png')).toContain('host example.com');
    expect(describeImage('data:image/png;base64,AAAA')).toContain('3 bytes');
  });
});

describe('schema', () => {
  const material = { summary: 'Whales sing.', document: 'Whales sing long songs, songs of whales.' };

  test('honours the words of JSON schema', () => {
    const value = valueForSchema(
      {
        type: 'object',
        properties: {
          title: { type: 'string', maxLength: 6 },
          summary: { type: 'string' },
          kind: { enum: ['a', 'b'] },
          version: { const: 3 },
          tags: { type: 'array', items: { type: 'string' }, minItems: 3, maxItems: 3 },
          score: { type: 'number', minimum: 0.2, maximum: 0.4 },
          count: { type: 'integer', exclusiveMinimum: 4 },
          maybe: { type: ['string', 'null'] },
          either: { anyOf: [{ type: 'boolean' }, { type: 'null' }] },
          node: { $ref: '#/$defs/node' },
        },
        required: ['title'],
        $defs: {
          node: {
            type: 'object',
            properties: { name: { type: 'string' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } },
            required: ['name', 'next'],
          },
        },
      },
      material,
    ) as Record<string, unknown>;
    expect(value).toMatchObject({ summary: 'Whales sing.', kind: 'a', version: 3, score: 0.2, count: 5, either: true });
    expect(String(value.title).length).toBeLessThanOrEqual(6);
    expect(value.tags).toHaveLength(3);
    expect(value.maybe).toBe('Whales sing.');
    expect(JSON.stringify(value.node)).toContain('"next":null');
  });

  test('goes into the answer', () => {
    const prompt = buildPrompt([user('Whales sing.')], {
      schema: { type: 'object', properties: { n: { type: 'integer' } } },
    });
    expect(composeAnswer(prompt, undefined).text).toBe('{"n":1}');
  });
});

describe('embeddings', () => {
  test('are unit vectors; shared words bring them together', () => {
    const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
    const cat = embed('the cat sat on the mat', 256);
    expect(Math.hypot(...cat)).toBeCloseTo(1, 5);
    expect(embed('the cat sat on the mat', 256)).toEqual(cat);
    expect(dot(cat, embed('the cat on a mat', 256))).toBeGreaterThan(
      dot(cat, embed('stock exchange opens higher', 256)) + 0.2,
    );
    expect(Buffer.from(vectorBase64(cat), 'base64').readFloatLE(0)).toBe(cat[0]);
    expect(Math.hypot(...embed('', 16))).toBeCloseTo(1, 5);
  });
});
