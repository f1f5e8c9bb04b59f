import type { Outcome } from '../outcome.ts';
import { costNanoUsd, type Price } from '../prices.ts';
import type { Recipe } from '../recipe.ts';
import type { BookRow } from '../store-rows.ts';
import type { Usage } from '../usage.ts';
import { backoffMs, type Engine } from './engine.ts';

/** What is needed to judge the rows of one run. */
export interface Judge {
  recipe: Recipe;
  /** Undefined: the model's price is unknown. */
  price: Price | undefined;
  inBatch: boolean;
  /** The run is being cancelled: nothing is tried again. */
  cancelling: boolean;
  /** The batch was given up for the deadline: what its cancel ended goes on in realtime. */
  hedged?: boolean;
  /** When an attempt of this number may follow. Rows of one batch share it, so that they travel together again. */
  retryAt?: (attempt: number) => number;
}

/** One moment for all rows of the same attempt, drawn when the first of them needs it. */
export function retryTogether(engine: Engine): (attempt: number) => number {
  const moments = new Map<number, number>();
  return (attempt) => {
    const known = moments.get(attempt);
    if (known !== undefined) return known;
    const moment = engine.clock.now() + backoffMs(engine.retry, attempt, engine.random);
    moments.set(attempt, moment);
    return moment;
  };
}

/**
 * The one place that decides what becomes of a job when an attempt has ended: kept, tried again after a pause, or
 * failed with the provider's own words. Whether attempts are left is the store's to say, which counts them.
 */
export function judge(
  engine: Engine,
  ref: { job: number; attempt: number },
  outcome: Outcome,
  { recipe, price, inBatch, cancelling, hedged = false, retryAt = retryTogether(engine) }: Judge,
): BookRow {
  const at = engine.clock.now();
  const again = cancelling
    ? { next: 'cancelled' as const }
    : {
        next: 'retry' as const,
        availableAt: Math.max(at + retryAfter(outcome), retryAt(ref.attempt)),
      };
  if (outcome.type === 'succeeded') {
    const problem = recipe.problemWith?.(outcome.output);
    const money = moneyOf(price, outcome.usage, inBatch);
    if (problem === undefined) {
      return {
        ...ref,
        at,
        outcome: 'succeeded',
        next: 'succeeded',
        output: outcome.output,
        ...extras(outcome),
        ...money,
        // Charged all the same, though nobody says how much.
        ...(outcome.usage ? {} : { mayBeCharged: true }),
      };
    }
    return { ...ref, at, outcome: 'failed', ...again, errorCode: 'invalid_output', errorMessage: problem, ...money };
  }
  if (outcome.type !== 'failed') {
    const ended = { outcome: outcome.type, errorCode: outcome.type, errorMessage: outcome.message };
    if (outcome.type === 'cancelled' && !(hedged && !cancelling)) return { ...ref, at, ...ended, next: 'cancelled' };
    // Whether it was the first to end or the other is under way already: it costs the job no attempt.
    return { ...ref, at, ...ended, ...(hedged && !cancelling ? { next: 'queued' as const } : again) };
  }
  return {
    ...ref,
    at,
    outcome: 'failed',
    ...(outcome.retryable ? again : { next: 'failed' }),
    errorCode: outcome.code,
    errorMessage: outcome.message,
    ...moneyOf(price, outcome.usage, inBatch),
    ...(unseen.has(outcome.code) && !outcome.usage ? { mayBeCharged: true } : {}),
  };
}

/** Ends after which nobody here knows what the provider did, and charged. */
const unseen: ReadonlySet<string> = new Set(['timeout', 'connection', 'malformed', 'missing']);

function retryAfter(outcome: Outcome): number {
  return outcome.type === 'failed' ? (outcome.retryAfterMs ?? 0) : 0;
}

function extras(outcome: { finishReason?: string; response?: string }): Partial<BookRow> {
  return {
    ...(outcome.finishReason === undefined ? {} : { finishReason: outcome.finishReason }),
    ...(outcome.response === undefined ? {} : { response: outcome.response }),
  };
}

function moneyOf(price: Price | undefined, usage: Usage | undefined, inBatch: boolean): Partial<BookRow> {
  if (!usage) return {};
  if (!price) return { usage };
  return {
    usage,
    costNanoUsd: costNanoUsd(price, usage, inBatch),
    realtimeNanoUsd: costNanoUsd(price, usage, false),
  };
}
