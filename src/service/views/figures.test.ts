import { describe, expect, test } from 'vitest';
import { noCounts } from '../../job.ts';
import { median } from './expected-end.ts';
import { dollars, hoursOf, percentOf, ratioOf } from './figures.ts';
import { failureRateOf, successRateOf } from './success-rate.ts';

describe('figures', () => {
  test.each([
    [0, 0, 0],
    [0, 5, 0],
    [1, 3, 33.33],
    [2, 3, 66.67],
    [5, 5, 100],
  ])('%d of %d is %d %%', (part, whole, percent) => expect(percentOf(part, whole)).toBe(percent));

  test('nothing by nothing is nothing', () => expect(ratioOf(0, 0)).toBe(0));

  test('money and time', () => {
    expect(dollars(1_234_567)).toBe(0.001234567);
    expect(dollars(0)).toBe(0);
    expect(hoursOf(5_400_000)).toBe(1.5);
  });

  test.each([
    [[], undefined],
    [[7], 7],
    [[9, 1, 5], 5],
    [[4, 1, 2, 3], 3],
  ])('the middle of %j is %j', (values, expected) => expect(median(values)).toBe(expected));
});

describe('the success rate', () => {
  test('is of the jobs that have ended, whatever else is under way', () => {
    const counts = { ...noCounts, queued: 50, running: 40, succeeded: 2, failed: 1 };
    expect(successRateOf(counts)).toBe(66.67);
    expect(failureRateOf(counts)).toBe(33.33);
  });

  test('is 0 while none has ended', () => {
    const waiting = { ...noCounts, queued: 10 };
    expect(successRateOf(waiting)).toBe(0);
    expect(failureRateOf(noCounts)).toBe(0);
  });

  test('a cancelled job is no success', () => {
    expect(successRateOf({ ...noCounts, succeeded: 1, cancelled: 1 })).toBe(50);
    expect(failureRateOf({ ...noCounts, succeeded: 1, cancelled: 1 })).toBe(0);
  });
});
