import { z } from 'zod';
import { time } from './words.ts';

export const schedulerResponse = z
  .object({
    status: z.string(),
    message: z.string(),
    schedule_time: z.string().optional(),
    next_at: time.nullable().optional(),
  })
  .meta({ id: 'SchedulerResponse' });

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM');
export const timeZone = z.string().refine((zone) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).format() !== '';
  } catch {
    return false;
  }
}, 'must be an IANA time zone such as Europe/Berlin, or UTC');
/** What sends a queue. Absent: this trigger is off. */
export const triggers = z.strictObject({
  /** By the nightly schedule. */
  schedule: z.boolean(),
  /** When so many jobs wait. */
  count: z.int().min(1).nullable(),
  /** When the oldest waits so long. */
  age_minutes: z.number().positive().nullable(),
  /** When a batch of the provider is full. */
  full: z.boolean(),
});
export const alertLimits = z.strictObject({
  /** Per cent of the batches, or jobs, of the last 24 hours. */
  high_failure_rate_percent: z.number().min(0).max(100),
  stale_batch_hours: z.number().positive(),
  large_queue_jobs: z.int().min(1),
  savings_milestone_usd: z.number().positive(),
  disk_free_percent: z.number().min(0).max(100),
  /** Spent in the calendar month (UTC), all queues; null: no budget. Alerts at 80 and 100 per cent. */
  monthly_budget_usd: z.number().positive().nullable(),
});
export const alertChannel = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('slack'), url: z.url() }),
  z.strictObject({ type: z.literal('webhook'), url: z.url() }),
  z.strictObject({ type: z.literal('email'), to: z.array(z.email()).min(1) }),
]);
/** What webhooks are told of; `job.ended` goes to a job's own `callback_url`. */
export const webhookEvents = [
  'run.ended',
  'batch.completed',
  'batch.failed',
  'alert.raised',
  'alert.resolved',
] as const;
export type WebhookEvent = (typeof webhookEvents)[number] | '*';
export const serviceSettings = z
  .strictObject({
    schedule: z.strictObject({ enabled: z.boolean(), time: clockTime, time_zone: timeZone }),
    /** For every queue that has no entry of its own. */
    triggers,
    /** By `job_type:provider`, or `job_type`, or `*:provider`. */
    queue_triggers: z.record(z.string(), triggers.partial()),
    /** Models for jobs that name none, by `job_type:provider`. */
    default_models: z.record(z.string(), z.string()),
    alerts: alertLimits,
    alert_channels: z.array(alertChannel),
    /** Also told of ended runs and batches. */
    webhooks: z.array(z.strictObject({ url: z.url(), events: z.array(z.enum([...webhookEvents, '*'])).min(1) })),
    /** Report of the day, sent to the alert channels at the time of the schedule. */
    daily_report: z.boolean(),
  })
  .meta({ id: 'Settings' });
export const settingsChange = serviceSettings.partial().meta({ id: 'SettingsChange' });
/** Told to admins alone. */
export const signingSecret = z.object({ signing_secret: z.string() }).meta({ id: 'SigningSecret' });
export const providers = z
  .object({
    providers: z.array(
      z.object({
        name: z.string(),
        account: z.string(),
        simulated: z.boolean(),
        batch: z.boolean(),
        address: z.string().nullable(),
        ok: z.boolean().nullable(),
        detail: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Providers' });

export type Settings = z.infer<typeof serviceSettings>;
export type SettingsChange = z.infer<typeof settingsChange>;
export type Providers = z.infer<typeof providers>;
