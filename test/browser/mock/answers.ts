import type { Batch, Result } from '../../../src/service/contract/batches.ts';
import type { Job, JobDetails } from '../../../src/service/contract/jobs.ts';
import type { Dashboard } from '../../../src/service/contract/overview.ts';
import type { QueueStatus } from '../../../src/service/contract/queue.ts';
import { dayAt, dayMs, hourMs, isoAt, toBatch, type World } from './world.ts';

/** What the real server works out of its store, worked out of the world. */

/** 02:00 in Berlin in winter. */
function nextSendingOf(world: World): string | null {
  if (!world.settings.schedule.enabled) return null;
  return isoAt(Math.ceil((world.now - hourMs) / dayMs) * dayMs + hourMs);
}

/** Small queues hold a few priorities, large ones all ten. */
function prioritiesOf(queued: number): QueueStatus['queues'][number]['priorities'] {
  const used = queued > 5000 ? [10, 9, 8, 7, 6, 5, 4, 3, 2, 1] : [9, 5, 3];
  const share = Math.floor(queued / (used.length + 2));
  const counts = used.map((priority) => ({
    priority,
    count: priority === 5 ? queued - share * (used.length - 1) : share,
  }));
  return counts.filter(({ count }) => count > 0);
}

export function queuesOf(world: World): QueueStatus['queues'] {
  return world.runs
    .filter((run) => run.state === 'open' && run.counts.queued > 0)
    .map((run) => {
      const { queued } = run.counts;
      return {
        job_type: run.job_type ?? 'bulk_prediction',
        provider: run.provider,
        run_id: run.run_id,
        count: queued,
        priorities: prioritiesOf(queued),
        bytes: queued * 1184,
        oldest_at: run.created_at,
        next_send_at: nextSendingOf(world),
      };
    });
}

export function dashboardOf(world: World): Dashboard {
  const sum = (pick: (run: World['runs'][number]) => number) => world.runs.reduce((total, run) => total + pick(run), 0);
  const succeeded = sum((run) => run.counts.succeeded);
  const failed = sum((run) => run.counts.failed);
  const queues = queuesOf(world);
  const active = world.batches.filter((batch) => batch.completed_at === null);
  const saved = sum((run) => run.cost_savings ?? 0);
  const successRate = succeeded + failed === 0 ? 0 : (succeeded / (succeeded + failed)) * 100;
  const days = world.costs.day.filter((row) => row.group > dayAt(world.now - 30 * dayMs));
  return {
    overview: {
      total_jobs_queued: sum((run) => run.counts.total),
      total_jobs_processed: succeeded + failed,
      total_batches_submitted: world.batches.length,
      total_batches_completed: world.batches.length - active.length,
      active_batches: active.length,
      success_rate: successRate,
      total_cost_savings: saved,
      jobs_under_way: sum((run) => run.counts.packed + run.counts.running),
      jobs_failed: failed,
    },
    active_batches: active.slice(0, 50).map(toBatch),
    queue_breakdown: Object.fromEntries(
      queues.map(({ job_type, provider, count }) => [`${job_type}_${provider}`, { job_type, provider, count }]),
    ),
    queues,
    cost_savings: {
      total_savings: saved,
      savings_by_type: {},
      savings_by_provider: {},
      savings_by_model: {},
      realtime_cost: saved * 2,
      batch_cost: saved,
      savings_percentage: 50,
      jobs_processed: succeeded + failed,
      unpriced_jobs: 0,
    },
    metrics_by_category: metricsOf(world),
    recent_activity: world.batches.slice(0, 10).map((batch) => ({
      batch_id: batch.batch_id,
      job_type: batch.job_type,
      provider: batch.provider,
      status: batch.status,
      job_count: batch.job_count,
      cost_savings: batch.cost_savings,
      submitted_at: batch.submitted_at,
      timestamp: batch.completed_at ?? batch.submitted_at ?? batch.created_at,
    })),
    performance_trends: {
      jobs_per_batch: 0,
      success_rate: successRate,
      failure_rate: 100 - successRate,
      avg_cost_savings_per_batch: 0,
    },
    days: days.map(({ group, ...row }) => ({ day: group, ...row })),
    alerts: world.alerts.filter((alert) => alert.resolved_at === null),
    schedule: {
      enabled: world.settings.schedule.enabled,
      time: world.settings.schedule.time,
      time_zone: world.settings.schedule.time_zone,
      next_at: nextSendingOf(world),
    },
    simulated: world.providers.some((provider) => provider.simulated),
    last_updated: isoAt(world.now),
  };
}

function metricsOf(world: World): Dashboard['metrics_by_category'] {
  // A map: one of the hostile job types is `__proto__`.
  const found = new Map<string, Dashboard['metrics_by_category'][string]>();
  for (const run of world.runs) {
    if (run.job_type === null) continue;
    const before = found.get(run.job_type);
    found.set(run.job_type, {
      jobs_queued: (before?.jobs_queued ?? 0) + run.counts.total,
      jobs_processed: (before?.jobs_processed ?? 0) + run.counts.succeeded + run.counts.failed,
      batches_submitted: (before?.batches_submitted ?? 0) + run.batches.length,
      batches_completed:
        (before?.batches_completed ?? 0) + run.batches.filter((batch: Batch) => batch.status === 'completed').length,
      batches_failed: 0,
      cost_savings: (before?.cost_savings ?? 0) + (run.cost_savings ?? 0),
    });
  }
  return Object.fromEntries(found);
}

export function toJob(details: JobDetails): Job {
  const { job_id, run_id, batch_id, key, job_type, provider, model, status } = details;
  const { held, priority, attempts, created_at, error_code } = details;
  return {
    job_id,
    run_id,
    batch_id,
    key,
    job_type,
    provider,
    model,
    status,
    held,
    priority,
    attempts,
    created_at,
    error_code,
  };
}

export function toResult(cursor: number, job: JobDetails): Result {
  return {
    cursor,
    job_id: job.job_id,
    key: job.key,
    run_id: job.run_id,
    batch_id: job.batch_id,
    job_type: job.job_type,
    provider: job.provider,
    model: job.model,
    status: job.status,
    data: job.data,
    output: job.output,
    response: null,
    finish_reason: job.finish_reason,
    error: job.error,
    usage: null,
    cost_usd: job.cost_usd,
  };
}
