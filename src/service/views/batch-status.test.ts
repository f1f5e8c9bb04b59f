import { describe, expect, test } from 'vitest';
import { type BatchState, batchStates, isOpenBatch } from '../../batch.ts';
import { batchStatus } from '../contract/words.ts';
import { batchStatusOf } from './batch-status.ts';

const plain = { cancelWanted: false, cancelRequested: false, hedged: false, requests: 4, succeeded: 2 };
const statusOf = (state: BatchState, change: Partial<typeof plain> = {}) =>
  batchStatusOf({ ...plain, state, ...change });

describe("the former system's word for a batch", () => {
  test('for every state', () => {
    expect(Object.fromEntries(batchStates.map((state) => [state, statusOf(state)]))).toEqual({
      packing: 'queued',
      packed: 'queued',
      submitting: 'submitted',
      unknown: 'submitted',
      in_progress: 'processing',
      ended: 'processing',
      collecting: 'processing',
      collected: 'completed',
      failed: 'failed',
      abandoned: 'failed',
    });
  });

  test('every word can be said', () => {
    const said = new Set([
      ...batchStates.map((state) => statusOf(state)),
      statusOf('collected', { cancelWanted: true }),
    ]);
    expect([...said].sort()).toEqual([...batchStatus.options].sort());
  });

  test.each(batchStates)('%s, when a cancel was asked for', (state) => {
    const expected = isOpenBatch(state) ? statusOf(state) : 'cancelled';
    expect(statusOf(state, { cancelWanted: true })).toBe(expected);
    expect(statusOf(state, { cancelRequested: true })).toBe(expected);
  });

  test('a batch that got everything done before the cancel took hold is completed', () => {
    expect(statusOf('collected', { cancelWanted: true, succeeded: 4 })).toBe('completed');
    expect(statusOf('collected', { cancelWanted: true, succeeded: 3 })).toBe('cancelled');
  });

  test("a stop for the deadline's sake is no cancel, unless a person asked for one as well", () => {
    expect(statusOf('collected', { cancelRequested: true, hedged: true })).toBe('completed');
    expect(statusOf('collected', { cancelRequested: true, hedged: true, cancelWanted: true })).toBe('cancelled');
  });
});
