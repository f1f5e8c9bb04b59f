import { OffpeakError } from '../../errors.ts';
import type { QueueState } from '../../service-store.ts';
import type { QueueTotals } from '../../views.ts';
import type { Metrics } from '../contract/overview.ts';
import { jobTypes } from '../contract/words.ts';
import { noQueue } from './cost-groups.ts';
import { dollars } from './figures.ts';

type SixMetrics = Metrics['totals'];

/**
 * The six counters of the former system, by job type, from the beginning on: counted from what happened, never ahead.
 * Processed: ended with an answer or a failure. Every type is named, also one that had no job yet; jobs that came into
 * no queue stand under `other`.
 */
export function metricsFrom(
  totals: readonly QueueTotals[],
  queues: readonly Pick<QueueState, 'queue' | 'held'>[],
  category?: string,
): Metrics {
  const categories = categoriesOf(totals, category);
  const by = new Map(categories.map((name) => [name, createSums()]));
  for (const row of totals) {
    const sums = by.get(row.queue ?? noQueue);
    if (sums) addTotals(sums, row);
  }
  const all = createSums();
  for (const sums of by.values()) addSums(all, sums);
  const waiting = queues.filter(({ queue }) => category === undefined || queue === category);
  return {
    by_category: Object.fromEntries([...by].map(([name, sums]) => [name, toMetrics(sums)])),
    totals: toMetrics(all),
    current_queue_size: waiting.reduce((sum, { held }) => sum + held, 0),
  };
}

function categoriesOf(totals: readonly QueueTotals[], category: string | undefined): string[] {
  const known = new Set<string>([...jobTypes, ...totals.map(({ queue }) => queue ?? noQueue)]);
  if (category === undefined) return [...known];
  if (known.has(category) || category === noQueue) return [category];
  throw new OffpeakError(`There is no category of that name; there are ${[...known].join(', ')}.`, { code: 'usage' });
}

const names = ['queued', 'processed', 'submitted', 'completed', 'failed', 'savedNano'] as const;
type Sums = Record<(typeof names)[number], number>;

function createSums(): Sums {
  return { queued: 0, processed: 0, submitted: 0, completed: 0, failed: 0, savedNano: 0 };
}

function addTotals(sums: Sums, row: QueueTotals): void {
  addSums(sums, {
    queued: row.queued + row.packed + row.running + row.succeeded + row.failed + row.cancelled + row.skipped,
    processed: row.succeeded + row.failed,
    submitted: row.batchesSubmitted,
    completed: row.batchesCompleted,
    failed: row.batchesFailed,
    savedNano: row.realtimeNanoUsd - row.costNanoUsd,
  });
}

function addSums(sums: Sums, more: Sums): void {
  for (const name of names) sums[name] += more[name];
}

function toMetrics(sums: Sums): SixMetrics {
  return {
    jobs_queued: sums.queued,
    jobs_processed: sums.processed,
    batches_submitted: sums.submitted,
    batches_completed: sums.completed,
    batches_failed: sums.failed,
    cost_savings: dollars(sums.savedNano),
  };
}
