import type { Clock } from '../../clock.ts';
import type { Store } from '../../store.ts';
import type { BatchSummary } from '../../views.ts';

/** Batches of the past that are looked at. */
const historyLength = 20;
/** Listing a page of batches asks once for each account and model, and not again for so long. */
const keptMs = 30_000;
/** Accounts and models that are remembered. */
const keptKeys = 500;

export type ExpectedEnd = (batch: BatchSummary) => Promise<number | undefined>;

/**
 * When a batch will end, if it takes as long as the middle one of the account's last batches of its model. Those that
 * were stopped say nothing of it. Undefined: it is not with the provider now, or none has ended yet.
 */
export function createExpectedEnd(store: Pick<Store, 'listDurations'>, clock: Clock): ExpectedEnd {
  const medians = new Map<string, { readAt: number; ms: number | undefined }>();

  const medianOf = async (account: string, model: string): Promise<number | undefined> => {
    const key = `${account} ${model}`;
    const known = medians.get(key);
    if (known && Math.abs(clock.now() - known.readAt) < keptMs) return known.ms;
    const durations = await store.listDurations(account, model, historyLength);
    const ms = median(durations.filter(({ wasStopped }) => !wasStopped).map(({ durationMs }) => durationMs));
    if (medians.size >= keptKeys) medians.clear();
    medians.set(key, { readAt: clock.now(), ms });
    return ms;
  };

  return async ({ state, submittedAt, account, model }) => {
    if (state !== 'in_progress' || submittedAt === undefined) return undefined;
    const ms = await medianOf(account, model);
    return ms === undefined ? undefined : submittedAt + ms;
  };
}

/** The middle one; of two, what lies between them. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  if (upper === undefined || sorted.length % 2 === 1) return upper;
  return Math.round(((sorted[sorted.length / 2 - 1] ?? upper) + upper) / 2);
}
