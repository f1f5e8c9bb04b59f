import type { Clock } from '../../clock.ts';
import type { SpendingRow } from '../../views.ts';
import type { OwnViews } from '../own-side.ts';
import { dayMs, dayOf } from './figures.ts';

/** Money of a queue, provider and model, of any number of days. */
export type Spent = Omit<SpendingRow, 'day'>;

/**
 * All that was ever spent, by queue, provider and model. What is over does not change: its sum is made once a day, and
 * only yesterday and today are read each time. (Yesterday, for a row of its last second may be written after midnight.)
 */
export function createSpendingHistory(views: Pick<OwnViews, 'listSpending'>, clock: Clock): () => Promise<Spent[]> {
  let over: { until: string; spent: readonly Spent[] } | undefined;
  return async () => {
    const yesterday = dayOf(clock.now() - dayMs);
    if (over?.until !== yesterday) {
      const rows = await views.listSpending('');
      over = { until: yesterday, spent: sumSpending(rows.filter(({ day }) => day < yesterday)) };
    }
    return sumSpending([...over.spent, ...(await views.listSpending(yesterday))]);
  };
}

/** One row for each queue, provider, model and way. */
export function sumSpending(rows: readonly Spent[]): Spent[] {
  const sums = new Map<string, Spent>();
  for (const row of rows) {
    const key = JSON.stringify([row.queue, row.provider, row.model, row.realtime]);
    const sum = sums.get(key);
    sums.set(key, sum ? addUp(sum, row) : withoutDay(row));
  }
  return [...sums.values()];
}

function withoutDay(row: Spent & { day?: string }): Spent {
  const { day: _, ...rest } = row;
  return rest;
}

function addUp(a: Spent, b: Spent): Spent {
  return {
    ...a,
    attempts: a.attempts + b.attempts,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    costNanoUsd: a.costNanoUsd + b.costNanoUsd,
    realtimeNanoUsd: a.realtimeNanoUsd + b.realtimeNanoUsd,
    unpriced: a.unpriced + b.unpriced,
  };
}
