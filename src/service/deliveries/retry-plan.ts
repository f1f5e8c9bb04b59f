import type { Random } from '../../ids.ts';

/** When an attempt is made after the first one, over three days: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h apart. */
const pausesMs = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map((seconds) => seconds * 1_000);

/** A pause is longer by up to this share, so that what failed together does not come back together. */
const jitter = 0.1;
/** The longest that a receiver's `retry-after` is believed. */
const longestRetryAfterMs = 24 * 3_600_000;

/**
 * The moment of the next attempt; undefined: the plan's time is over. Which pause it is follows from how long after the
 * first attempt the last one began, so that after downtime of ours the plan goes on where it would be.
 */
export function nextAttemptAt(input: {
  /** When the first attempt and the one that has failed began. */
  firstAt: number;
  startedAt: number;
  now: number;
  /** What the receiver asked for; waited for, as long as the plan has an attempt left. */
  retryAfterMs?: number;
  random: Random;
}): number | undefined {
  const { firstAt, startedAt, now, retryAfterMs = 0, random } = input;
  let plannedAt = firstAt;
  for (const pauseMs of pausesMs) {
    plannedAt += pauseMs;
    if (plannedAt <= startedAt) continue;
    const asked = Math.min(retryAfterMs, longestRetryAfterMs);
    return Math.ceil(now + Math.max(pauseMs * (1 + jitter * random()), asked));
  }
  return undefined;
}
