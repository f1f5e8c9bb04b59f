import { OffpeakError } from '../../errors.ts';
import { dayMs, dayOf } from './figures.ts';

/**
 * Whole days (UTC), because money is kept by day: what was booked and what it cost belong to the same hours. `end` is
 * the present where the last day is not over.
 */
export interface Period {
  start: number;
  end: number;
  days: number;
  /** It reaches to the present: what is under way belongs to it. */
  isCurrent: boolean;
}

const mostDays = 3660;

/** Today and the days before it. */
export function lastDays(days: number, now: number): Period {
  if (!Number.isSafeInteger(days) || days < 1 || days > mostDays) {
    throw new OffpeakError(`\`days\` must be a whole number from 1 to ${mostDays}.`, { code: 'usage' });
  }
  return { start: startOfDay(now) - (days - 1) * dayMs, end: now, days, isCurrent: true };
}

/** The last day that is over. */
export function yesterday(now: number): Period {
  const end = startOfDay(now);
  return { start: end - dayMs, end, days: 1, isCurrent: false };
}

function startOfDay(ms: number): number {
  return Date.parse(`${dayOf(ms)}T00:00:00Z`);
}

/**
 * Work belongs to the period in which it ended, and what is under way to the present: each run and batch is in one day's
 * report and in no other.
 */
export function isWithin({ start, end, isCurrent }: Period, endedAt: number | undefined): boolean {
  if (endedAt === undefined) return isCurrent;
  return endedAt >= start && (isCurrent || endedAt < end);
}
