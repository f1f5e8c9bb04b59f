import { isoTime } from '../../clock.ts';
import type { ServiceStore } from '../../service-store.ts';
import type { BatchSummary, StoreEvent, Views } from '../../views.ts';
import type { Batch } from '../contract/batches.ts';
import type { Dashboard } from '../contract/overview.ts';
import type { QueueStatus } from '../contract/queue.ts';
import type { OwnViews } from '../own-side.ts';
import { batchIdOf } from '../public-ids.ts';
import type { Queues } from '../service.ts';
import { toAlert } from './alert-view.ts';
import { batchStatusOf } from './batch-status.ts';
import { savingsOf } from './batch-view.ts';
import { groupCosts, noFigures } from './cost-groups.ts';
import { dayMs, dayOf, dollars, ratioOf } from './figures.ts';
import { metricsFrom } from './metrics.ts';
import { savingsFrom } from './savings.ts';
import type { Spent } from './spending-history.ts';
import { failureRateOf, successRateOf } from './success-rate.ts';

export interface DashboardSource {
  views: OwnViews;
  service: Pick<ServiceStore, 'listQueues' | 'listAlerts'>;
  queues: Pick<Queues, 'status' | 'settings' | 'nextScheduled'>;
  /** All that was ever spent. */
  spent: () => Promise<Spent[]>;
  toBatches: (batches: readonly BatchSummary[]) => Promise<Batch[]>;
  simulated: boolean;
}

/** Batches under way that are shown; all of them are counted, and listed under `/batch/active`. */
const batchesShown = 50;
const alertsShown = 50;
const daysShown = 30;
const activityShown = 10;
/** Events that are looked through for the batches that changed last. */
const eventsRead = 200;

/** One page of everything: sums of the store, a page of batches, no job. */
export async function dashboardOf(source: DashboardSource, now: number): Promise<Dashboard> {
  const { views, service, queues } = source;
  const totals = await views.totals();
  const byQueue = await views.totalsByQueue();
  const status = await queues.status();
  const savedNano = totals.realtimeNanoUsd - totals.costNanoUsd;
  const processed = totals.succeeded + totals.failed;
  const underWay = totals.queued - totals.held + totals.packed + totals.running;
  const successRate = successRateOf(totals);
  return {
    overview: {
      total_jobs_queued: underWay + totals.held + processed + totals.cancelled + totals.skipped,
      total_jobs_processed: processed,
      total_batches_submitted: totals.batchesSubmitted,
      total_batches_completed: totals.batchesCompleted,
      active_batches: totals.batchesOpen,
      success_rate: successRate,
      total_cost_savings: dollars(savedNano),
      jobs_under_way: underWay,
      jobs_failed: totals.failed,
    },
    active_batches: await source.toBatches(await views.listBatches({ openOnly: true, limit: batchesShown })),
    queue_breakdown: breakdownOf(status),
    queues: status.queues,
    cost_savings: savingsFrom(await source.spent(), processed),
    metrics_by_category: metricsFrom(byQueue, []).by_category,
    recent_activity: await recentActivity(views),
    performance_trends: {
      jobs_per_batch: ratioOf(processed, totals.batchesSubmitted),
      success_rate: successRate,
      failure_rate: failureRateOf(totals),
      avg_cost_savings_per_batch:
        totals.batchesSubmitted === 0 ? 0 : dollars(Math.round(savedNano / totals.batchesSubmitted)),
    },
    days: await lastDays(views, now),
    alerts: (await service.listAlerts({ openOnly: true, limit: alertsShown })).map(toAlert),
    schedule: await scheduleOf(queues),
    simulated: source.simulated,
    last_updated: isoTime(now),
  };
}

function breakdownOf({ queues }: QueueStatus): Dashboard['queue_breakdown'] {
  return Object.fromEntries(
    queues.map(({ job_type, provider, count }) => [`${job_type}_${provider}`, { job_type, provider, count }]),
  );
}

/** Every day, also one on which nothing was spent. */
async function lastDays(views: Pick<OwnViews, 'listSpending'>, now: number): Promise<Dashboard['days']> {
  const days = Array.from({ length: daysShown }, (_, i) => dayOf(now - (daysShown - 1 - i) * dayMs));
  const spent = groupCosts(await views.listSpending(days[0] ?? dayOf(now)), ({ day }) => day);
  return days.map((day) => {
    const { attempts, cost_usd, realtime_usd, savings_usd } = spent.get(day) ?? noFigures;
    return { day, attempts, cost_usd, realtime_usd, savings_usd };
  });
}

/** The batches that changed last, whatever their state, with the moment of that change. */
async function recentActivity(views: OwnViews): Promise<Dashboard['recent_activity']> {
  const changes = new Map<number, number>();
  for (const { batchId, at } of (await lastEvents(views)).toReversed()) {
    if (batchId !== undefined && !changes.has(batchId) && changes.size < activityShown) changes.set(batchId, at);
  }
  const rows: { batch: BatchSummary; at: number }[] = [];
  for (const [id, at] of changes) {
    const batch = await views.getBatch(id);
    if (batch) rows.push({ batch, at });
  }
  // Where other events crowd theirs out, the newest batches stand in.
  for (const batch of rows.length < activityShown ? await views.listBatches({ limit: activityShown }) : []) {
    if (rows.length >= activityShown || changes.has(batch.id)) continue;
    rows.push({ batch, at: batch.endedAt ?? batch.submittedAt ?? batch.createdAt });
  }
  return rows.sort((a, b) => b.at - a.at).map(({ batch, at }) => toActivity(batch, at));
}

async function lastEvents(views: Pick<Views, 'listEvents' | 'lastEventId'>): Promise<StoreEvent[]> {
  const last = await views.lastEventId();
  return views.listEvents({ after: Math.max(0, last - eventsRead), limit: eventsRead });
}

function toActivity(batch: BatchSummary, at: number): Dashboard['recent_activity'][number] {
  return {
    batch_id: batchIdOf(batch.provider, batch.id),
    job_type: batch.queue ?? null,
    provider: batch.provider,
    status: batchStatusOf(batch),
    job_count: batch.requests,
    cost_savings: savingsOf(batch),
    submitted_at: isoTime(batch.submittedAt) ?? null,
    timestamp: isoTime(at),
  };
}

async function scheduleOf(queues: Pick<Queues, 'settings' | 'nextScheduled'>): Promise<Dashboard['schedule']> {
  const { schedule } = await queues.settings();
  const nextAt = await queues.nextScheduled();
  return {
    enabled: schedule.enabled,
    time: schedule.time,
    time_zone: schedule.time_zone,
    next_at: isoTime(nextAt) ?? null,
  };
}
