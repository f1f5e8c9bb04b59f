import { expect, test } from 'vitest';
import {
  daysBefore,
  exactMoney,
  formatBytes,
  formatCount,
  formatDay,
  formatDuration,
  formatMoney,
  formatPercent,
  formatRelative,
  plural,
} from './format.ts';

test.each([
  [0, '$0.00'],
  [1234.5, '$1,234.50'],
  [0.96, '$0.96'],
  [0.0412, '$0.0412'],
  [0.00041, '$0.000410'],
  [0.000_000_4, '< $0.000001'],
  [-0.000_000_4, '> -$0.000001'],
  [-2.5, '-$2.50'],
])('%f dollars are %s', (usd, text) => expect(formatMoney(usd)).toBe(text));

test('the exact money has all its places, and cents at least', () => {
  expect(exactMoney(0.000_41)).toBe('$0.00041');
  expect(exactMoney(2)).toBe('$2.00');
  expect(exactMoney(0.123_456_789)).toBe('$0.123456789');
});

test.each([
  [100, '100 %'],
  [99.962, '99.96 %'],
  [98.87, '98.9 %'],
  [0.04, '0.04 %'],
  [0, '0 %'],
])('%f per cent are %s', (percent, text) => expect(formatPercent(percent)).toBe(text));

test.each([
  [0, '0 s'],
  [0.2, '1 ms'],
  [400, '400 ms'],
  [59_400, '59 s'],
  [90_000, '2 min'],
  [12_000_000, '3 h 20 min'],
  [3_600_000, '1 h'],
  // Rounding carries into the larger unit.
  [7_199_000, '2 h'],
  [100_000_000, '1 d 4 h'],
])('%d ms are %s', (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text));

test('times are told from now', () => {
  expect(formatRelative(0, 4000)).toBe('now');
  expect(formatRelative(0, 240_000)).toBe('4 min ago');
  expect(formatRelative(0, 100_000_000)).toBe('1 d ago');
  expect(formatRelative(12_000_000, 0)).toBe('in 3 h 20 min');
});

test('counts, sizes, days', () => {
  expect(formatCount(1_000_000)).toBe('1,000,000');
  expect(plural(1, 'batch', 'batches')).toBe('1 batch');
  expect(plural(1200, 'job')).toBe('1,200 jobs');
  expect(formatBytes(999)).toBe('999 bytes');
  expect(formatBytes(1_234_567)).toBe('1.2 MB');
  expect(formatDay('2026-11-28')).toBe('28 Nov');
  expect(formatDay('<b>')).toBe('<b>');
  expect(daysBefore(Date.parse('2026-03-01T12:00:00Z'), 1)).toBe('2026-02-28');
});
