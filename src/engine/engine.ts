import type { Batch } from '../batch.ts';
import type { Clock } from '../clock.ts';
import { OffpeakError } from '../errors.ts';
import type { Random } from '../ids.ts';
import type { Price } from '../prices.ts';
import type { BatchApi, Provider } from '../provider.ts';
import type { Recipe } from '../recipe.ts';
import type { Description, Run } from '../run.ts';
import type { Store } from '../store.ts';
import type { Lease } from '../store-rows.ts';

/** What every step of the engine is given. */
export interface Engine {
  store: Store;
  /** By account: a batch is only ever touched with the key that made it. */
  providers: ReadonlyMap<string, Provider>;
  createRecipe: (description: Description) => Recipe;
  /** Undefined: the price is unknown, which is never zero. */
  priceOf: (provider: string, model: string) => Price | undefined;
  clock: Clock;
  random: Random;
  /** Names this process, and in a worker that worker, on its leases. */
  owner: string;
  leaseMs: number;
  /** Does nothing, except under a crash test, where the process ends here. */
  crashpoint: (name: string) => void;
  emit: (event: EngineEvent) => void;
  retry: RetryOptions;
  /** Pause between two calls of a lane that fell back from batch to realtime. */
  sequentialPauseMs: number;
  /** Aborted when even what should not be interrupted must end: a create is then reconciled later. */
  breakOff?: AbortSignal;
  /**
   * How long a batch is left alone after a fault that only a person can mend; absent: not at all, for whoever works on its
   * run alone is told and starts it again.
   */
  asideMs?: number;
  /** Tries in a row that find nobody at the provider, before the first job was accepted, until the run is given up. */
  maxUnavailable: number;
}

export interface RetryOptions {
  /** Pause before the second attempt; doubles with each. */
  baseMs: number;
  maxMs: number;
}

/** What happens, for whoever watches this process; the store alone is the truth. */
export type EngineEvent =
  | { type: 'batch'; batch: Batch }
  | { type: 'call'; job: number; key: string; startedAt: number }
  | { type: 'booked'; rows: readonly BookedJob[] }
  /** Its key, its money or its provider fails: nothing is asked of it before then (milliseconds since 1970). */
  | { type: 'paused'; account: string; until: number; message: string }
  | { type: 'note'; message: string };

export interface BookedJob {
  job: number;
  succeeded: boolean;
  /** The beginning of the answer, or of the error. */
  text: string;
  /** Since the attempt was sent. */
  seconds: number;
}

/** Nothing of the batch is tried again: its run, or it alone, is to end. */
export function isCancelling(run: Run | undefined, batch: Batch): boolean {
  return run?.state === 'cancelling' || batch.cancelWanted;
}

export function leaseOf(batch: Batch): Lease {
  return { batchId: batch.id, generation: batch.generation };
}

export function providerOf(engine: Engine, account: string): Provider {
  const provider = engine.providers.get(account);
  if (provider) return provider;
  throw new OffpeakError(`No provider is configured for account ${account}.`, { code: 'config' });
}

export function batchApiOf(engine: Engine, batch: Batch): BatchApi {
  const { batch: api, name } = providerOf(engine, batch.account);
  if (api) return api;
  throw new OffpeakError(`${name} has no batch API here, but batch ${batch.id} was made with one.`, { code: 'config' });
}

/** Lets the process do other things between two chunks: calls of an embedded store resolve without leaving the turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** 1 s, 2 s, 4 s ... to the longest, less up to a quarter by chance, so that many do not come back together. */
export function backoffMs(retry: RetryOptions, attempt: number, random: Random): number {
  const full = Math.min(retry.maxMs, retry.baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(full * (1 - 0.25 * random()));
}
