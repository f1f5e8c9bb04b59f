import { isOpenBatch } from '../../batch.ts';
import { isoTime } from '../../clock.ts';
import { noCounts, totalOf } from '../../job.ts';
import type { ServiceStore } from '../../service-store.ts';
import type { BatchSummary, RunSummary, SpendingRow } from '../../views.ts';
import type { Report } from '../contract/overview.ts';
import type { OwnViews } from '../own-side.ts';
import { batchIdOf } from '../public-ids.ts';
import { toAlert } from './alert-view.ts';
import { groupCosts, noFigures, noQueue } from './cost-groups.ts';
import { dayMs, dayOf, hoursOf, ratioOf } from './figures.ts';
import { isWithin, type Period } from './report-period.ts';
import { savingsFrom } from './savings.ts';
import { successRateOf } from './success-rate.ts';

export interface ReportSource {
  views: Pick<OwnViews, 'everyRun' | 'everyBatch' | 'listSpending' | 'listFailures'>;
  service: Pick<ServiceStore, 'listAlerts'>;
}

/** What began this long before the period is looked at too: it may have ended within it. */
const longestRunMs = 31 * dayMs;
const longestBatchMs = 7 * dayMs;
const slowestShown = 10;
const alertsRead = 1000;

/** What came of a period: its runs, its batches, the money of its days. */
export async function buildReport(source: ReportSource, period: Period): Promise<Report> {
  const runs = await sumRuns(source, period);
  const batches = await sumBatches(source, period);
  const spending = await spendingOf(source, period);
  const money = savingsFrom(spending, runs.all.counts.succeeded + runs.all.counts.failed);
  const [start, end] = [isoTime(period.start), isoTime(period.end)];
  const raised = await source.service.listAlerts({ limit: alertsRead });
  return {
    period: { start, end, days: period.days },
    metrics: {
      period_start: start,
      period_end: end,
      total_jobs: totalOf(runs.all.counts),
      total_batches: batches.total,
      completed_batches: batches.completed,
      failed_batches: batches.failed,
      total_cost_savings: money.total_savings,
      avg_batch_size: ratioOf(batches.jobs, batches.total),
      success_rate: successRateOf(runs.all.counts),
      by_job_type: groupsOf(runs.byType, spending, ({ queue }) => queue ?? noQueue),
      by_provider: groupsOf(runs.byProvider, spending, ({ provider }) => provider),
      by_model: Object.fromEntries(groupCosts(spending, ({ provider, model }) => `${provider}:${model}`)),
    },
    cost_savings: money,
    slowest_batches: batches.slowest.map(({ batch, ms }) => ({
      batch_id: batchIdOf(batch.provider, batch.id),
      hours: hoursOf(ms),
      job_count: batch.requests,
    })),
    failures: [...runs.failures].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count),
    alerts: raised
      .filter(({ raisedAt, resolvedAt = period.end }) => raisedAt <= period.end && resolvedAt >= period.start)
      .map(toAlert),
  };
}

interface JobSums {
  counts: Record<keyof typeof noCounts, number>;
}

interface RunSums {
  all: JobSums;
  byType: Map<string, JobSums>;
  byProvider: Map<string, JobSums>;
  failures: Map<string, number>;
}

async function sumRuns({ views }: ReportSource, period: Period): Promise<RunSums> {
  const sums: RunSums = { all: newSums(), byType: new Map(), byProvider: new Map(), failures: new Map() };
  const since = period.start - longestRunMs;
  for await (const run of views.everyRun({ since, until: period.end })) {
    if (!isWithin(period, run.state === 'ended' ? (run.endedAt ?? run.createdAt) : undefined)) continue;
    for (const into of [
      sums.all,
      entryOf(sums.byType, run.queue ?? noQueue, newSums),
      entryOf(sums.byProvider, run.provider, newSums),
    ]) {
      for (const [state, jobs] of countsOf(run)) into.counts[state] += jobs;
    }
    if (run.counts.failed === 0) continue;
    for (const { code, jobs } of await views.listFailures(run.id)) {
      sums.failures.set(code, (sums.failures.get(code) ?? 0) + jobs);
    }
  }
  return sums;
}

const newSums = (): JobSums => ({ counts: { ...noCounts } });

function countsOf({ counts }: RunSummary) {
  const { queued, packed, running, succeeded, failed, cancelled, skipped } = counts;
  return Object.entries({ queued, packed, running, succeeded, failed, cancelled, skipped }).filter(isCount);
}

function isCount(entry: [string, number]): entry is [keyof typeof noCounts, number] {
  return entry[0] in noCounts;
}

function entryOf<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

interface BatchSums {
  total: number;
  completed: number;
  failed: number;
  jobs: number;
  slowest: { batch: BatchSummary; ms: number }[];
}

async function sumBatches({ views }: ReportSource, period: Period): Promise<BatchSums> {
  const sums: BatchSums = { total: 0, completed: 0, failed: 0, jobs: 0, slowest: [] };
  const since = period.start - longestBatchMs;
  for await (const batch of views.everyBatch({ since })) {
    // One that was given up before it was sent is none: its jobs went into others.
    if (batch.state === 'abandoned' || batch.createdAt > period.end) continue;
    if (!isWithin(period, endOf(batch))) continue;
    sums.total += 1;
    sums.jobs += batch.requests;
    if (batch.state === 'collected') sums.completed += 1;
    if (batch.state === 'failed') sums.failed += 1;
    addSlow(sums.slowest, batch, period.end);
  }
  return sums;
}

function endOf(batch: BatchSummary): number | undefined {
  if (isOpenBatch(batch.state)) return undefined;
  return batch.endedAt ?? batch.submittedAt ?? batch.createdAt;
}

function addSlow(slowest: BatchSums['slowest'], batch: BatchSummary, end: number): void {
  if (batch.submittedAt === undefined) return;
  // A batch that failed at once has no end, and was not slow.
  const ended = batch.endedAt ?? (isOpenBatch(batch.state) ? end : batch.submittedAt);
  slowest.push({ batch, ms: Math.max(0, ended - batch.submittedAt) });
  slowest.sort((a, b) => b.ms - a.ms);
  if (slowest.length > slowestShown) slowest.pop();
}

async function spendingOf({ views }: ReportSource, { start, end, isCurrent }: Period): Promise<SpendingRow[]> {
  const rows = await views.listSpending(dayOf(start));
  return isCurrent ? rows : rows.filter(({ day }) => day < dayOf(end));
}

/** Jobs of the runs beside the money of the days; a group that only one of them has is shown as well. */
function groupsOf(
  jobs: ReadonlyMap<string, JobSums>,
  spending: readonly SpendingRow[],
  groupOf: (row: SpendingRow) => string,
): Report['metrics']['by_job_type'] {
  const money = groupCosts(spending, groupOf);
  return Object.fromEntries(
    [...new Set([...jobs.keys(), ...money.keys()])].map((group) => {
      const { counts } = jobs.get(group) ?? newSums();
      const { cost_usd, savings_usd } = money.get(group) ?? noFigures;
      return [
        group,
        { jobs: totalOf(counts), succeeded: counts.succeeded, failed: counts.failed, cost_usd, savings_usd },
      ];
    }),
  );
}
