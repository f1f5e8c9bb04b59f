import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Line, splitLineBatches, splitLines } from './lines.ts';

async function* streamOf(chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function allOf<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

async function linesOf(chunks: Uint8Array[], maxLineBytes?: number): Promise<Line[]> {
  const options = maxLineBytes === undefined ? {} : { maxLineBytes };
  return await allOf(splitLines(streamOf(chunks), options));
}

/** Cuts bytes at the given places (taken modulo the length, so any numbers do). */
function cut(bytes: Buffer, places: number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length));
}

const awkward = fc.constantFrom('\u2028', '\u2029', '\0', '\r', '\ufeff', 'ä', '€', '😀', '"', ' ', 'a');
const lineText = fc
  .array(fc.oneof(awkward, fc.string({ unit: 'grapheme' })), { maxLength: 12 })
  .map((parts) => parts.join('').replaceAll('\n', ''));

describe('splitLines', () => {
  it('gives the same lines for any chunking', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(lineText),
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.boolean(),
        async (texts, places, ended) => {
          const whole = Buffer.from(texts.map((text) => `${text}\n`).join(''));
          const bytes = ended || texts.at(-1) === '' ? whole : whole.subarray(0, Math.max(whole.length - 1, 0));
          const lines = await linesOf(cut(bytes, places));
          expect(lines).toEqual(texts.map((text, i) => ({ number: i + 1, text })));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('splits on 0x0A only, and keeps CR, BOM, NUL and U+2028', async () => {
    const text = '\ufeff{"a":1}\r\nb\rc\u2028d\u2029e\0f\u0085g\n';
    expect((await linesOf([Buffer.from(text)])).map((line) => line.text)).toEqual([
      '\ufeff{"a":1}\r',
      'b\rc\u2028d\u2029e\0f\u0085g',
    ]);
  });

  it('keeps the numbers of empty lines, and takes no line from an empty rest', async () => {
    expect(await linesOf([Buffer.from('\n\nx\n\n')])).toEqual([
      { number: 1, text: '' },
      { number: 2, text: '' },
      { number: 3, text: 'x' },
      { number: 4, text: '' },
    ]);
    expect(await linesOf([])).toEqual([]);
    expect(await linesOf([Buffer.alloc(0)])).toEqual([]);
  });

  it('reports an over-long line with its first 64 KiB, and leaves its neighbours alone, for any chunking', async () => {
    const long = 'y'.repeat(200_000);
    const bytes = Buffer.from(`a\n${long}\nb\n`);
    const expected = [
      { number: 1, text: 'a' },
      { number: 2, tooLong: true, bytes: 200_000, text: 'y'.repeat(65_536) },
      { number: 3, text: 'b' },
    ];
    for (const size of [1_000, 65_536, 70_000, 150_000, 1_000_000]) {
      const places = Array.from({ length: Math.ceil(bytes.length / size) - 1 }, (_, i) => (i + 1) * size);
      expect(await linesOf(cut(bytes, places), 100_000)).toEqual(expected);
      expect(await linesOf(cut(bytes, places), 10)).toEqual(expected);
    }
    expect((await linesOf([bytes], 200_000)).map((line) => line.tooLong)).toEqual([undefined, undefined, undefined]);
    expect((await linesOf([bytes], 199_999)).map((line) => line.tooLong)).toEqual([undefined, true, undefined]);
  });

  it('does not hold an over-long line', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 0x78);
    async function* gigabyte() {
      for (let i = 0; i < 1024; i++) yield chunk;
    }
    const before = process.memoryUsage.rss();
    const lines = await allOf(splitLines(gigabyte(), { maxLineBytes: 8 * 1024 * 1024 }));
    expect(lines).toMatchObject([{ number: 1, tooLong: true, bytes: 1024 ** 3 }]);
    expect(process.memoryUsage.rss() - before).toBeLessThan(150 * 1024 * 1024);
  });

  it('survives a producer that writes each chunk into the same memory', async () => {
    const memory = Buffer.alloc(4);
    async function* reusing() {
      for (const text of ['abcd', 'ef\ng', 'hij\n']) {
        memory.write(text);
        yield memory.subarray(0, text.length);
      }
    }
    expect((await allOf(splitLines(reusing()))).map((line) => line.text)).toEqual(['abcdef', 'ghij']);
  });

  it('closes the stream when the reader stops early', async () => {
    let closed = false;
    async function* chunks() {
      try {
        for (;;) yield Buffer.from('a\nb\n');
      } finally {
        closed = true;
      }
    }
    for await (const line of splitLines(chunks())) if (line.number === 3) break;
    expect(closed).toBe(true);
  });
});

describe('splitLineBatches', () => {
  it('yields what each chunk completed, and no empty batch', async () => {
    const chunks = ['a\nb\nc', 'd', '\n', '\ne'].map((text) => Buffer.from(text));
    const batches = await allOf(splitLineBatches(streamOf(chunks)));
    expect(batches.map((lines) => lines.map((line) => line.text))).toEqual([['a', 'b'], ['cd'], [''], ['e']]);
  });
});
