import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BatchDuration } from '../store-rows.ts';
import { chanceInTime } from './chance-in-time.ts';

const minute = 60_000;
const hour = 60 * minute;

const ends = (minutes: number, count = 1): BatchDuration[] => lasting(minutes, count, false);
const stops = (minutes: number, count = 1): BatchDuration[] => lasting(minutes, count, true);

function lasting(minutes: number, count: number, wasStopped: boolean): BatchDuration[] {
  return Array.from({ length: count }, () => ({ durationMs: minutes * minute, wasStopped }));
}

describe('the chance that a batch ends in time', () => {
  const moment = fc.integer({ min: 0, max: 30 * hour });
  const duration = fc.record({ durationMs: fc.integer({ min: 1, max: 30 * hour }), wasStopped: fc.boolean() });
  const durations = fc.array(duration, { maxLength: 60 });

  test('is a chance, grows with the time that is left, and is none without any', () => {
    fc.assert(
      fc.property(durations, moment, moment, moment, (known, age, left, more) => {
        const chance = chanceInTime(known, age, left);
        expect(chance).toBeGreaterThanOrEqual(0);
        expect(chance).toBeLessThanOrEqual(1);
        expect(chanceInTime(known, age, left + more)).toBeGreaterThanOrEqual(chance);
        expect(chanceInTime(known, age, 0)).toBe(0);
        expect(chanceInTime(known, age, -left)).toBe(0);
      }),
    );
  });

  test('with plenty of history it is the history; with none a belief; older than any, nobody can say', () => {
    const quick = Array.from({ length: 40 }, (_, i) => ends(i + 1)).flat();
    expect(chanceInTime(quick, 0, 20 * minute)).toBe(0.5);
    expect(chanceInTime(quick, 30 * minute, 5 * minute)).toBe(0.5);
    expect(chanceInTime(quick, 41 * minute, 24 * hour)).toBe(0);
    expect(chanceInTime([], 0, hour)).toBeCloseTo(3 / 7);
    expect(chanceInTime([], 0, 24 * hour)).toBe(1);
    expect(chanceInTime(ends(1), 0, hour)).toBeCloseTo(4 / 8);
  });
});

describe('batches that were stopped', () => {
  test('are no ends, and are not left out either: they would have ended as those that lasted longer did', () => {
    const known = [...ends(10, 10), ...stops(30, 20), ...ends(60, 5), ...ends(90, 5)];
    expect(chanceInTime(known, 0, 20 * minute)).toBeCloseTo(10 / 40);
    // 30 of 40, if a stop were an end; 10 of 20, if it were left out.
    expect(chanceInTime(known, 0, 40 * minute)).toBeCloseTo(10 / 40);
    expect(chanceInTime(known, 0, 60 * minute)).toBeCloseTo(10 / 40 + 15 / 40);
    expect(chanceInTime(known, 0, 90 * minute)).toBeCloseTo(1);
    expect(chanceInTime(known, 30 * minute, 30 * minute)).toBeCloseTo(0.5);
  });

  test('soon after their start say nothing', () => {
    const known = Array.from({ length: 40 }, (_, i) => ends(i + 1)).flat();
    expect(chanceInTime([...known, ...stops(0.1, 30)], 0, 20 * minute)).toBeCloseTo(
      chanceInTime(known, 0, 20 * minute),
    );
  });

  test('with nothing but them, or beyond the longest end, it is the belief: a far deadline gets its batch', () => {
    expect(chanceInTime(stops(6, 100), 0, 6 * minute)).toBe(0);
    expect(chanceInTime(stops(6, 100), 0, hour)).toBeCloseTo(3 / 7);
    const slower = [...ends(5, 20), ...stops(6, 180)];
    expect(chanceInTime(slower, 0, 6 * minute)).toBeLessThan(0.1);
    expect(chanceInTime(slower, 0, 24 * hour)).toBeCloseTo(1);
    expect(chanceInTime(slower, 6 * minute, hour)).toBeCloseTo(3 / 7);
  });

  test('the estimate is that of Kaplan and Meier', () => {
    const near = fc.record({ durationMs: fc.integer({ min: 1, max: 30 }), wasStopped: fc.boolean() });
    const some = fc.array(near, { maxLength: 60 });
    const few = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(some, few, few, (history, age, left) => {
        // Enough of ends, the longest of them longer than any stop: nothing is believed.
        const known = [...history, ...lasting(31 / minute, 20, false)];
        const survives = [...new Set(known.map(({ durationMs }) => durationMs))]
          .filter((at) => at > age && at <= age + left)
          .reduce((chance, at) => {
            const atRisk = known.filter(({ durationMs }) => durationMs >= at).length;
            const ended = known.filter((each) => each.durationMs === at && !each.wasStopped).length;
            return chance * (1 - ended / atRisk);
          }, 1);
        expect(chanceInTime(known, age, left)).toBeCloseTo(age >= 31 ? 0 : 1 - survives, 9);
      }),
    );
  });
});
