import { expect, test } from 'vitest';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createRateLimit } from './rate-limit.ts';

test('two seconds at once, then as many as come back', async () => {
  const clock = createFakeClock();
  const limit = createRateLimit({ perSecond: 10, clock });
  const taken = Array.from({ length: 25 }, () => limit.take('a'));
  expect(taken.filter((wait) => wait === 0)).toHaveLength(20);
  expect(limit.wait('a')).toBe(100);
  expect(limit.take('b')).toBe(0);
  await clock.advance(100);
  expect(limit.take('a')).toBe(0);
  expect(limit.take('a')).toBe(100);
});

test('a clock that is set back gives nothing and locks nobody out', async () => {
  const clock = createFakeClock();
  const limit = createRateLimit({ perSecond: 1, clock });
  limit.take('a');
  limit.take('a');
  clock.jump(-3_600_000);
  expect(limit.take('a')).toBe(1000);
  await clock.advance(1_000);
  expect(limit.take('a')).toBe(0);
});

test('keys without end take no memory without end, and 0 is no limit', () => {
  const clock = createFakeClock();
  const limit = createRateLimit({ perSecond: 1, clock, size: 3 });
  for (const key of ['a', 'b', 'c']) for (let i = 0; i < 3; i++) limit.take(key);
  expect(limit.wait('a')).toBeGreaterThan(0);
  limit.take('d');
  // The oldest was forgotten for the newest.
  expect(limit.wait('a')).toBe(0);
  expect(limit.wait('b')).toBeGreaterThan(0);
  const none = createRateLimit({ perSecond: 0, clock });
  expect(Array.from({ length: 100 }, () => none.take('a')).every((wait) => wait === 0)).toBe(true);
});
