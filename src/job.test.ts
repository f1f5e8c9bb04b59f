import { describe, expect, test } from 'vitest';
import { canMoveJob, isEnded, type JobState, jobMoves, jobStates, noCounts, totalOf, unfinishedOf } from './job.ts';

/** Written out by hand, so that a change of the table is a change here too: `x` = allowed. */
const table: Readonly<Record<JobState, string>> = {
  //          queued packed running succeeded failed cancelled skipped
  queued: '   -      x      x       x         x      x         -',
  packed: '   x      -      x       x         x      x         -',
  running: '  x      -      -       x         x      x         -',
  succeeded: '-      -      -       -         -      -         -',
  failed: '   x      -      -       x         -      -         -',
  cancelled: 'x      -      -       x         -      -         -',
  skipped: '  x      -      -       -         -      -         -',
};

describe('the moves of a job', () => {
  const pairs = jobStates.flatMap((from) => {
    const marks = table[from].trim().split(/\s+/);
    return jobStates.map((to, i) => [from, to, marks[i] ?? ''] as const);
  });

  test.each(pairs)('%s to %s: %s', (from, to, mark) => {
    expect(canMoveJob(from, to)).toBe(mark === 'x');
  });

  test('all 49 pairs are decided', () => expect(pairs).toHaveLength(49));

  test('no state is a dead end but success, and each can be reached', () => {
    const reachable = new Set(jobStates.flatMap((state) => jobMoves[state]));
    // A job begins as `queued` or `skipped`.
    expect(jobStates.filter((state) => !reachable.has(state))).toEqual(['skipped']);
    expect(jobStates.filter((state) => jobMoves[state].length === 0)).toEqual(['succeeded']);
  });

  test('a paid late result wins from every state that was not a success', () => {
    for (const state of ['queued', 'packed', 'running', 'failed', 'cancelled'] as const) {
      expect(canMoveJob(state, 'succeeded')).toBe(true);
    }
  });
});

test('four states are ended, three are not, and the counts agree', () => {
  expect(jobStates.filter(isEnded)).toEqual(['succeeded', 'failed', 'cancelled', 'skipped']);
  const counts = { queued: 1, packed: 2, running: 4, succeeded: 8, failed: 16, cancelled: 32, skipped: 64 };
  expect(totalOf(counts)).toBe(127);
  expect(unfinishedOf(counts)).toBe(7);
  expect(totalOf(noCounts)).toBe(0);
  expect(Object.keys(noCounts).sort()).toEqual([...jobStates].sort());
});
