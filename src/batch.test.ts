import { describe, expect, test } from 'vitest';
import { type BatchState, batchMoves, batchStates, canMoveBatch, isOpenBatch, openBatchStates } from './batch.ts';

/** Every allowed move, by hand; all other pairs are refused. */
const allowed: readonly (readonly [BatchState, BatchState])[] = [
  ['packing', 'packed'],
  ['packing', 'abandoned'],
  ['packed', 'submitting'],
  ['packed', 'failed'],
  ['packed', 'abandoned'],
  ['submitting', 'in_progress'],
  ['submitting', 'unknown'],
  ['submitting', 'packed'],
  ['submitting', 'failed'],
  ['unknown', 'in_progress'],
  ['unknown', 'packed'],
  ['unknown', 'failed'],
  ['in_progress', 'ended'],
  ['in_progress', 'failed'],
  ['in_progress', 'packed'],
  ['ended', 'collecting'],
  ['collecting', 'collected'],
];

describe('the moves of a batch', () => {
  const isAllowed = (from: BatchState, to: BatchState) => allowed.some(([a, b]) => a === from && b === to);
  const pairs = batchStates.flatMap((from) => batchStates.map((to) => [from, to, isAllowed(from, to)] as const));

  test.each(pairs)('%s to %s: %s', (from, to, may) => expect(canMoveBatch(from, to)).toBe(may));

  test('all 100 pairs are decided', () => expect(pairs).toHaveLength(100));

  test('from `unknown` nothing leads to a create but through reconciling', () => {
    expect(batchMoves.unknown).not.toContain('submitting');
    expect(batchMoves.submitting).not.toContain('submitting');
  });

  test('what the provider has ended is read to its end: it cannot be given up', () => {
    for (const state of ['ended', 'collecting'] as const) {
      expect(batchMoves[state]).not.toContain('failed');
      expect(batchMoves[state]).not.toContain('abandoned');
    }
  });

  test('every state but the first is reached, and from every open one an end is', () => {
    const reachable = new Set(allowed.map(([, to]) => to));
    expect(batchStates.filter((state) => !reachable.has(state))).toEqual(['packing']);
    const over = ['collected', 'failed', 'abandoned'];
    expect(batchStates.filter((state) => !isOpenBatch(state))).toEqual(over);
    expect(openBatchStates).toEqual(batchStates.filter((state) => !over.includes(state)));
    const leadsOut = (state: BatchState, seen: readonly BatchState[] = []): boolean =>
      over.includes(state) || batchMoves[state].some((to) => !seen.includes(to) && leadsOut(to, [...seen, state]));
    for (const state of openBatchStates) expect(leadsOut(state)).toBe(true);
  });
});
