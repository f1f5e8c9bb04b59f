import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../outcome.ts';
import { priceOf } from '../prices.ts';
import type { BookRow } from '../store-rows.ts';
import { backoffMs } from './engine.ts';
import { acceptAll, createEngineFixture, good, usage } from './engine-fixtures.ts';
import { judge } from './retry.ts';

const ref = { job: 7, attempt: 2 };
const failure = (retryable: boolean): Outcome => ({ type: 'failed', code: 'code', message: 'words', retryable });

/** Outcome, whether the run is being cancelled, and what becomes of it. */
const table: readonly [string, Outcome, boolean, BookRow['outcome'], BookRow['next']][] = [
  ['success', good('x'), false, 'succeeded', 'succeeded'],
  ['success', good('x'), true, 'succeeded', 'succeeded'],
  ['empty success', good(''), false, 'succeeded', 'succeeded'],
  ['retryable failure', failure(true), false, 'failed', 'retry'],
  ['retryable failure', failure(true), true, 'failed', 'cancelled'],
  ['final failure', failure(false), false, 'failed', 'failed'],
  ['final failure', failure(false), true, 'failed', 'failed'],
  ['expired', { type: 'expired', message: 'm' }, false, 'expired', 'retry'],
  ['expired', { type: 'expired', message: 'm' }, true, 'expired', 'cancelled'],
  ['cancelled', { type: 'cancelled', message: 'm' }, false, 'cancelled', 'cancelled'],
  ['cancelled', { type: 'cancelled', message: 'm' }, true, 'cancelled', 'cancelled'],
];

describe('what becomes of a job', () => {
  test.each(table)('%s', (_, outcome, cancelling, booked, next) => {
    const { engine, clock } = createEngineFixture();
    const row = judge(engine, ref, outcome, { recipe: acceptAll, price: undefined, inBatch: true, cancelling });
    expect(row).toMatchObject({ ...ref, outcome: booked, next, at: clock.now() });
    expect(row.availableAt === undefined).toBe(next !== 'retry');
  });

  test('a failure carries the provider’s code and words', () => {
    const { engine } = createEngineFixture();
    const judging = { recipe: acceptAll, price: undefined, inBatch: true, cancelling: false };
    expect(judge(engine, ref, failure(false), judging)).toMatchObject({ errorCode: 'code', errorMessage: 'words' });
    const expired = judge(engine, ref, { type: 'expired', message: 'm' }, judging);
    expect(expired).toMatchObject({ errorCode: 'expired', errorMessage: 'm' });
  });

  test('the pause is what the provider asked for, when that is longer than ours', () => {
    const { engine, clock } = createEngineFixture();
    const judging = { recipe: acceptAll, price: undefined, inBatch: false, cancelling: false };
    const asked: Outcome = { type: 'failed', code: 'c', message: 'm', retryable: true, retryAfterMs: 500_000 };
    expect(judge(engine, ref, asked, judging).availableAt).toBe(clock.now() + 500_000);
    const short = judge(engine, ref, { ...asked, retryAfterMs: 1 }, judging).availableAt ?? 0;
    expect(short - clock.now()).toBeGreaterThanOrEqual(1_500);
  });

  test.each<[string, Outcome, boolean]>([
    ['an answer without usage', { type: 'succeeded', output: 'x' }, true],
    ['an answer with usage', good('x'), false],
    ['no answer in time', { ...failure(true), code: 'timeout' } as Outcome, true],
    ['a broken line', { ...failure(true), code: 'connection' } as Outcome, true],
    ['no result line', { ...failure(true), code: 'missing' } as Outcome, true],
    ['an unreadable result line', { ...failure(true), code: 'malformed' } as Outcome, true],
    ['a refusal by the provider', { ...failure(false), code: 'invalid_request' } as Outcome, false],
  ])('what may have been charged unseen keeps its part of the budget: %s', (_, outcome, held) => {
    const { engine } = createEngineFixture();
    const row = judge(engine, ref, outcome, { recipe: acceptAll, price: undefined, inBatch: true, cancelling: false });
    expect(row.mayBeCharged ?? false).toBe(held);
  });

  test('money: at the batch’s factor, kept for failures that were charged, absent without a price', () => {
    const { engine } = createEngineFixture();
    const price = priceOf('openai', 'gpt-5-mini');
    const judging = { recipe: acceptAll, price, inBatch: true, cancelling: false };
    const charged = judge(
      engine,
      ref,
      { type: 'failed', code: 'refused', message: 'm', retryable: false, usage },
      judging,
    );
    expect(charged.costNanoUsd).toBe((charged.realtimeNanoUsd ?? 0) / 2);
    expect(charged.costNanoUsd).toBeGreaterThan(0);
    const realtime = judge(engine, ref, good('x'), { ...judging, inBatch: false });
    expect(realtime.costNanoUsd).toBe(realtime.realtimeNanoUsd);
    const unpriced = judge(engine, ref, good('x'), { ...judging, price: undefined });
    expect(unpriced).toMatchObject({ usage });
    expect(unpriced.costNanoUsd).toBeUndefined();
    expect(judge(engine, ref, failure(true), judging).usage).toBeUndefined();
  });

  test('an answer that the recipe refuses is paid for, and never counts as a success', () => {
    const { engine } = createEngineFixture();
    const recipe = { ...acceptAll, problemWith: () => 'no title' };
    for (const cancelling of [false, true]) {
      const row = judge(engine, ref, good('x'), { recipe, price: undefined, inBatch: true, cancelling });
      expect(row).toMatchObject({ outcome: 'failed', next: cancelling ? 'cancelled' : 'retry', usage });
      expect(row).toMatchObject({ errorCode: 'invalid_output', errorMessage: 'no title' });
    }
  });

  test('pauses double, never pass the longest, never lose more than a quarter to chance', () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (attempt, chance) => {
        const pause = backoffMs({ baseMs: 1_000, maxMs: 60_000 }, attempt + 1, () => chance);
        const full = Math.min(60_000, 1_000 * 2 ** attempt);
        expect(pause).toBeLessThanOrEqual(full);
        expect(pause).toBeGreaterThanOrEqual(Math.floor(full * 0.75));
      }),
    );
  });
});
