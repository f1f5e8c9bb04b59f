import { z } from 'zod';
import { batchSummary } from './batches.ts';
import { costRow, savings } from './money.ts';
import { queueStatus } from './queue.ts';
import { batchStatus, count, time, usd } from './words.ts';

export const sixMetrics = z.object({
  jobs_queued: count,
  jobs_processed: count,
  batches_submitted: count,
  batches_completed: count,
  batches_failed: count,
  cost_savings: usd,
});
export const metrics = z
  .object({ by_category: z.record(z.string(), sixMetrics), totals: sixMetrics, current_queue_size: count })
  .meta({ id: 'Metrics' });
export const alert = z
  .object({
    id: z.int(),
    type: z.string(),
    severity: z.enum(['info', 'warning', 'critical']),
    title: z.string(),
    message: z.string(),
    subject: z.string(),
    raised_at: time,
    resolved_at: time.nullable(),
  })
  .meta({ id: 'Alert' });
export const alerts = z.object({ count, alerts: z.array(alert) }).meta({ id: 'Alerts' });
export const activity = z.object({
  batch_id: z.string(),
  job_type: z.string().nullable(),
  provider: z.string(),
  status: batchStatus,
  job_count: count,
  cost_savings: usd,
  submitted_at: time.nullable(),
  timestamp: time,
});
export const dayRow = z.object({
  day: z.string(),
  attempts: count,
  cost_usd: usd,
  realtime_usd: usd,
  savings_usd: usd,
});
export const dashboard = z
  .object({
    overview: z.object({
      total_jobs_queued: count,
      total_jobs_processed: count,
      total_batches_submitted: count,
      total_batches_completed: count,
      active_batches: count,
      /** Per cent, of the jobs that have ended. */
      success_rate: z.number(),
      total_cost_savings: usd,
      jobs_under_way: count,
      jobs_failed: count,
    }),
    active_batches: z.array(batchSummary),
    queue_breakdown: z.record(z.string(), z.object({ job_type: z.string(), provider: z.string(), count })),
    queues: queueStatus.shape.queues,
    cost_savings: savings,
    metrics_by_category: z.record(z.string(), sixMetrics),
    recent_activity: z.array(activity),
    performance_trends: z.object({
      jobs_per_batch: z.number(),
      success_rate: z.number(),
      failure_rate: z.number(),
      avg_cost_savings_per_batch: usd,
    }),
    /** The last 30 days, oldest first. */
    days: z.array(dayRow),
    alerts: z.array(alert),
    schedule: z.object({ enabled: z.boolean(), time: z.string(), time_zone: z.string(), next_at: time.nullable() }),
    simulated: z.boolean(),
    last_updated: time,
  })
  .meta({ id: 'Dashboard' });
export const groupFigures = z.object({ jobs: count, succeeded: count, failed: count, cost_usd: usd, savings_usd: usd });
export const report = z
  .object({
    period: z.object({ start: time, end: time, days: count }),
    metrics: z.object({
      period_start: time,
      period_end: time,
      total_jobs: count,
      total_batches: count,
      completed_batches: count,
      failed_batches: count,
      total_cost_savings: usd,
      avg_batch_size: z.number(),
      success_rate: z.number(),
      by_job_type: z.record(z.string(), groupFigures),
      by_provider: z.record(z.string(), groupFigures),
      /** By `provider:model`: a run may hold several models, so answers are counted, not jobs. */
      by_model: z.record(z.string(), costRow.omit({ group: true })),
    }),
    cost_savings: savings,
    slowest_batches: z.array(z.object({ batch_id: z.string(), hours: z.number(), job_count: count })),
    failures: z.array(z.object({ code: z.string(), count })),
    alerts: z.array(alert),
  })
  .meta({ id: 'Report' });
export const markdownReport = z
  .object({ content: z.string(), format: z.literal('markdown') })
  .meta({ id: 'MarkdownReport' });

export type Metrics = z.infer<typeof metrics>;
export type Alert = z.infer<typeof alert>;
export type Dashboard = z.infer<typeof dashboard>;
export type Report = z.infer<typeof report>;
