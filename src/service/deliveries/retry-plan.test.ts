import { describe, expect, test } from 'vitest';
import { nextAttemptAt } from './retry-plan.ts';

const start = Date.UTC(2026, 10, 20, 12);
const hour = 3_600_000;

/** Every attempt that fails at once, after the first. */
function attempts(random: () => number, options: { lastsMs?: number; retryAfterMs?: number } = {}): number[] {
  const times = [start];
  for (;;) {
    const startedAt = times.at(-1) ?? start;
    const next = nextAttemptAt({
      firstAt: start,
      startedAt,
      now: startedAt + (options.lastsMs ?? 0),
      random,
      ...(options.retryAfterMs === undefined ? {} : { retryAfterMs: options.retryAfterMs }),
    });
    if (next === undefined) return times;
    times.push(next);
  }
}

const pauses = (times: number[]) => times.slice(1).map((time, i) => time - (times[i] ?? 0));

describe('the plan of three days', () => {
  test('its pauses', () => {
    expect(pauses(attempts(() => 0)).map((ms) => ms / 1000)).toEqual([
      5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
    ]);
  });

  test.each([0.001, 0.5, 0.999])('spread by up to a tenth, never a pause left out (%d)', (random) => {
    const times = attempts(() => random);
    expect(times).toHaveLength(10);
    const days = ((times.at(-1) ?? 0) - start) / (24 * hour);
    expect(days).toBeGreaterThan(3);
    expect(days).toBeLessThan(3.6);
  });

  test('a receiver that keeps us waiting gets as many attempts', () => {
    expect(attempts(() => 0, { lastsMs: 15_000 })).toHaveLength(10);
  });

  test('what the receiver asks for is waited for, but no longer than a day', () => {
    const patient = pauses(attempts(() => 0, { retryAfterMs: hour }));
    expect(Math.min(...patient)).toBe(hour);
    expect(patient.at(-1)).toBe(24 * hour);
    const endless = pauses(attempts(() => 0, { retryAfterMs: 1e12 }));
    expect(endless.every((ms) => ms === 24 * hour)).toBe(true);
    expect(endless.length).toBeLessThanOrEqual(5);
  });

  test('after downtime of ours it goes on where it would be', () => {
    const startedAt = start + 48 * hour;
    const next = nextAttemptAt({ firstAt: start, startedAt, now: startedAt, random: () => 0 });
    expect(next).toBe(startedAt + 20 * hour);
    const late = start + 80 * hour;
    expect(nextAttemptAt({ firstAt: start, startedAt: late, now: late, random: () => 0 })).toBeUndefined();
  });
});
