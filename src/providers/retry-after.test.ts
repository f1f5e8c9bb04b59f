import { describe, expect, test } from 'vitest';
import { parseGoDuration, retryAfterMs } from './retry-after.ts';

const now = Date.parse('2026-11-20T12:00:00Z');
const pauseOf = (headers: Record<string, string>) => retryAfterMs((name) => headers[name], now);

describe('retryAfterMs', () => {
  test.each([
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1500],
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '-5' }, 0],
    [{ 'retry-after': '1000000000' }, 300_000],
    [{ 'retry-after': 'Fri, 20 Nov 2026 12:00:07 GMT' }, 7000],
    [{ 'retry-after': 'Fri, 20 Nov 2020 12:00:07 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'x-ratelimit-reset-requests': '120ms', 'x-ratelimit-reset-tokens': '2s' }, 2000],
    [
      {
        'x-ratelimit-reset-requests': '120ms',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-tokens': '2s',
        'x-ratelimit-remaining-tokens': '900',
      },
      120,
    ],
    [{ 'x-ratelimit-reset-tokens': '6m0s' }, 300_000],
    [{}, undefined],
  ])('%j -> %s', (headers, expected) => {
    expect(pauseOf(headers as Record<string, string>)).toBe(expected);
  });

  test.each([
    ['6m0s', 360_000],
    ['1h2m3.5s', 3_723_500],
    ['17.5ms', 17.5],
    ['2x', undefined],
    ['', undefined],
    ['1s later', undefined],
  ])('Go duration %s', (text, expected) => {
    expect(parseGoDuration(text)).toBe(expected);
  });
});
