import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createPaint,
  cutToWidth,
  displayWidth,
  escapeForTerminal,
  formatBytes,
  formatCount,
  formatDuration,
  formatUsd,
  oneLine,
} from './terminal.ts';

test.each([
  ['\x1b[31mred', '\\x1b[31mred'],
  ['\x1b]52;c;Zm9v\x07', '\\x1b]52;c;Zm9v\\x07'],
  ['a\rb\bc\x7f', 'a\\x0db\\x08c\\x7f'],
  ['\x9b31m', '\\x9b31m'],
  ['\u202etxt.exe\u2066', '\\u202etxt.exe\\u2066'],
  ['tab\tand\nline', 'tab\tand\nline'],
  ['é 名 🙂', 'é 名 🙂'],
])('%j is shown as %j', (text, shown) => {
  expect(escapeForTerminal(text)).toBe(shown);
});

test.each([
  ['abc', 3],
  ['名前', 4],
  ['e\u0301', 1],
  ['🙂', 2],
  ['👨‍👩‍👧', 2],
  ['🇨🇭', 2],
  ['❤️', 2],
  ['한글', 4],
  ['ｱ', 1],
  ['Ａ', 2],
  ['a\u200bb', 2],
  ['…█░✓', 4],
])('%j takes %i columns', (text, width) => {
  expect(displayWidth(text)).toBe(width);
});

test.each([
  ['  The\n\n quick\tfox ', 20, 'The quick fox'],
  ['The quick fox', 13, 'The quick fox'],
  ['The quick fox', 12, 'The quick f…'],
  ['The quick fox', 5, 'The…'],
  ['名前名前', 6, '名前…'],
  ['a\x1b[2Jb', 20, 'a\\x1b[2Jb'],
  ['', 5, ''],
  ['abc', 0, ''],
  [`a${' '.repeat(500)}b`, 20, 'a…'],
])('oneLine(%j, %i) is %j', (text, width, line) => {
  expect(oneLine(text, width)).toBe(line);
});

test('a line is never wider than asked, never two lines, and never acts on the terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 60 }), (text, width) => {
      const line = oneLine(text, width);
      expect(displayWidth(line)).toBeLessThanOrEqual(width);
      expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
    }),
    { numRuns: 500 },
  );
});

test('a megabyte costs no more than a line', () => {
  const started = performance.now();
  for (let i = 0; i < 100; i++) oneLine('word '.repeat(200_000), 80);
  expect(performance.now() - started).toBeLessThan(1000);
  expect(displayWidth(oneLine(`e${'\u0301'.repeat(100_000)}`, 10))).toBeLessThanOrEqual(10);
});

test('cutToWidth never splits a cluster', () => {
  expect(cutToWidth('ab👨‍👩‍👧cd', 4)).toBe('ab…');
  expect(cutToWidth('ab👨‍👩‍👧cd', 5)).toBe('ab👨‍👩‍👧…');
});

test('durations', () => {
  const shown = [0, 20, 70, 400, 999, 4000, 59_999, 130_000, 3_900_000, 3_600_000 * 26, 3_600_000 * 74, -5];
  expect(shown.map(formatDuration)).toEqual([
    '0 s',
    '0 s',
    '0.1 s',
    '0.4 s',
    '0.9 s',
    '4 s',
    '59 s',
    '2 min 10 s',
    '1 h 05 min',
    '26 h 00 min',
    '3 d 02 h',
    '0 s',
  ]);
});

test('money', () => {
  const shown = [0, 1, 12_345, 1_234_567, 50_000_000, 99_999_999, 123_456_789, 12_345_678_901, 1_234_567_890_123, -2e9];
  expect(shown.map(formatUsd)).toEqual([
    '$0.00',
    '$0.000000001',
    '$0.000012',
    '$0.0012',
    '$0.050',
    '$0.100',
    '$0.12',
    '$12.35',
    '$1,234.57',
    '-$2.00',
  ]);
});

test('counts and sizes', () => {
  expect([0, 999, 12_345, 1_234_567].map(formatCount)).toEqual(['0', '999', '12,345', '1,234,567']);
  expect([0, 980, 1023, 1024, 1536, 1_048_576, 200 * 1_048_576, 1_048_575].map(formatBytes)).toEqual([
    '0 B',
    '980 B',
    '1023 B',
    '1 KB',
    '1.5 KB',
    '1 MB',
    '200 MB',
    '1 MB',
  ]);
});

test('what is no terminal gets no colours', () => {
  expect(createPaint({ write: () => true })('red', 'x')).toBe('x');
});
