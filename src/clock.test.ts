import { describe, expect, test } from 'vitest';
import { isoTime, systemClock } from './clock.ts';
import { createFakeClock } from './testing/fake-clock.ts';

describe('the system clock', () => {
  test('an aborted sleep ends at once and leaves no timer', async () => {
    const stop = new AbortController();
    const sleeping = systemClock.sleep(3_600_000, stop.signal);
    stop.abort();
    await sleeping;
    await systemClock.sleep(3_600_000, stop.signal);
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThan(3);
  });

  test('a negative time is none', async () => {
    await systemClock.sleep(-5);
    await systemClock.sleep(Number.NEGATIVE_INFINITY);
  });

  test('a sleep longer than a timer can hold does not end at once', async () => {
    const stop = new AbortController();
    let ended = false;
    const sleeping = systemClock.sleep(2 ** 40, stop.signal).then(() => {
      ended = true;
    });
    await systemClock.sleep(20);
    expect(ended).toBe(false);
    stop.abort();
    await sleeping;
  });
});

describe('the fake clock', () => {
  test('wakes sleepers in order, at their time, and lets them sleep again', async () => {
    const clock = createFakeClock(0);
    const log: string[] = [];
    const sleeper = async (name: string, ms: number) => {
      await clock.sleep(ms);
      log.push(`${name} ${clock.now()}`);
      await clock.sleep(ms);
      log.push(`${name} ${clock.now()}`);
    };
    const all = Promise.all([sleeper('a', 30), sleeper('b', 20)]);
    await clock.advance(19);
    expect(log).toEqual([]);
    await clock.advance(41);
    expect(log).toEqual(['b 20', 'a 30', 'b 40', 'a 60']);
    await all;
    expect([clock.now(), clock.sleeping]).toEqual([60, 0]);
    expect(clock.sleeps).toEqual([30, 20, 20, 30]);
  });

  test('a jump moves the time and wakes nobody', async () => {
    const clock = createFakeClock(0);
    const sleeping = clock.sleep(10);
    clock.jump(1_000);
    expect([clock.now(), clock.sleeping]).toEqual([1_000, 1]);
    await clock.advance(0);
    await sleeping;
  });

  test('runs until a promise settles, and not for ever', async () => {
    const clock = createFakeClock(0);
    const day = async () => {
      for (let hour = 0; hour < 24; hour++) await clock.sleep(3_600_000);
      return clock.now();
    };
    expect(await clock.runUntil(day())).toBe(86_400_000);
    await expect(clock.runUntil(day(), 3_600_000)).rejects.toThrow(/still waiting/);
    await expect(clock.runUntil(Promise.reject(new Error('mine')))).rejects.toThrow('mine');
  });
});

test('times are ISO text, absent stays absent', () => {
  expect(isoTime(0)).toBe('1970-01-01T00:00:00.000Z');
  expect(isoTime(undefined)).toBeUndefined();
});
