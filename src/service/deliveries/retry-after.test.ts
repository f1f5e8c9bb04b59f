import { expect, test } from 'vitest';
import { retryAfterOf } from './retry-after.ts';

const now = Date.UTC(2026, 10, 20, 12);

test.each([
  ['120', 120_000],
  [' 5 ', 5_000],
  ['0', 0],
  ['Fri, 20 Nov 2026 12:10:00 GMT', 600_000],
  ['Fri, 20 Nov 2026 11:00:00 GMT', 0],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['99999999999', undefined],
  ['', undefined],
])('%j', (header, expected) => expect(retryAfterOf(header, now)).toBe(expected));

test('no header', () => expect(retryAfterOf(undefined, now)).toBeUndefined());
