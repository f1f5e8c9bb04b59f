import type { Savings } from '../contract/money.ts';
import { groupCosts, noFigures, noQueue } from './cost-groups.ts';
import { percentOf } from './figures.ts';
import type { Spent } from './spending-history.ts';

/**
 * Money that was not spent, from what was really charged: realtime price minus cost of each answer, booked when it came.
 * `jobs`: those that have ended with an answer or a failure.
 */
export function savingsFrom(rows: readonly Spent[], jobs: number): Savings {
  const all = groupCosts(rows, () => '').get('') ?? noFigures;
  return {
    total_savings: all.savings_usd,
    savings_by_type: savedBy(rows, ({ queue }) => queue ?? noQueue),
    savings_by_provider: savedBy(rows, ({ provider }) => provider),
    savings_by_model: savedBy(rows, ({ provider, model }) => `${provider}:${model}`),
    realtime_cost: all.realtime_usd,
    batch_cost: all.cost_usd,
    savings_percentage: percentOf(all.savings_usd, all.realtime_usd),
    jobs_processed: jobs,
    unpriced_jobs: all.unpriced,
  };
}

function savedBy(rows: readonly Spent[], groupOf: (row: Spent) => string): Record<string, number> {
  return Object.fromEntries([...groupCosts(rows, groupOf)].map(([group, { savings_usd }]) => [group, savings_usd]));
}
