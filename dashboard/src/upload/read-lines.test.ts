import { expect, test } from 'vitest';
import { type Line, readLines } from './read-lines.ts';

async function linesOf(bytes: Uint8Array, pieceSize: number, maxLineBytes = 1000): Promise<Line[]> {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += pieceSize) controller.enqueue(bytes.slice(at, at + pieceSize));
      controller.close();
    },
  });
  const lines: Line[] = [];
  for await (const some of readLines(stream, maxLineBytes)) lines.push(...some);
  return lines;
}

const encode = (text: string) => new TextEncoder().encode(text);

test.each([1, 2, 3, 7, 1000])('reads lines from pieces of %d bytes', async (size) => {
  expect(await linesOf(encode('eins\nzwölf 🌙\r\n\n{"a":"\u2028"}\nlast'), size)).toEqual([
    { number: 1, text: 'eins' },
    { number: 2, text: 'zwölf 🌙' },
    { number: 3, text: '' },
    { number: 4, text: '{"a":"\u2028"}' },
    { number: 5, text: 'last' },
  ]);
});

test('a line that is too long is named, the next one is read', async () => {
  const lines = await linesOf(encode(`${'x'.repeat(5000)}\nshort\n`), 64);
  expect(lines[0]?.error).toMatch(/longer than/);
  expect(lines[1]).toEqual({ number: 2, text: 'short' });
});

test('bytes that are no UTF-8 are named, not replaced', async () => {
  const lines = await linesOf(new Uint8Array([0x61, 0xff, 0x0a, 0x62]), 64);
  expect(lines).toEqual([
    { number: 1, text: '', error: 'not UTF-8 text' },
    { number: 2, text: 'b' },
  ]);
});
