import { z } from 'zod';
import { count, jobType, priority, providerName, time } from './words.ts';

const callbackUrl = z.url().max(2000);

export const queueRequest = z
  .strictObject({
    job_type: jobType,
    provider: providerName,
    /** Chat: model, messages, temperature, max_tokens, or the caller's own keys; embeddings: model, input. */
    data: z.record(z.string(), z.unknown()),
    priority: priority.default(5),
    callback_url: callbackUrl.optional(),
  })
  .meta({ id: 'QueueRequest' });
export const queueResponse = z
  .object({ job_id: z.string(), status: z.enum(['queued', 'succeeded']), message: z.string() })
  .meta({ id: 'QueueResponse' });
/** Each element is checked by itself: a bad one does not stop the others. */
export const bulkRequest = z.array(z.unknown()).min(1).max(10_000);
export const bulkResponse = z
  .object({
    total: count,
    successful: count,
    failed: count,
    /** In the order of the request; null for those that were refused. */
    job_ids: z.array(z.string().nullable()),
    errors: z.array(z.object({ index: count, detail: z.string() })),
  })
  .meta({ id: 'BulkResponse' });
export const queueStatus = z
  .object({
    total_queued: count,
    /** `{type}_{provider}`: jobs. */
    breakdown: z.record(z.string(), count),
    queues: z.array(
      z.object({
        job_type: z.string(),
        provider: z.string(),
        run_id: z.string(),
        count,
        priorities: z.array(z.object({ priority, count })),
        bytes: count,
        oldest_at: time,
        /** When it will be sent by the schedule; null: not by the schedule. */
        next_send_at: time.nullable(),
      }),
    ),
  })
  .meta({ id: 'QueueStatus' });

export const processRequest = z
  .strictObject({
    job_type: jobType,
    provider: providerName,
    max_jobs: z.int().min(1).max(1_000_000).default(1000),
    /** Gets `run.ended` when the run of these jobs has ended. */
    callback_url: callbackUrl.optional(),
  })
  .meta({ id: 'ProcessRequest' });
export const processResponse = z
  .object({
    /** The first one; null with `no_jobs`. */
    batch_id: z.string().nullable(),
    /** All that were needed, in the order of priority. */
    batch_ids: z.array(z.string()),
    run_id: z.string().nullable(),
    status: z.enum(['submitted', 'no_jobs']),
    job_count: count,
    message: z.string(),
  })
  .meta({ id: 'ProcessResponse' });
export const processAllResponse = z
  .object({ status: z.literal('started'), run_ids: z.array(z.string()), message: z.string() })
  .meta({ id: 'ProcessAllResponse' });

export type QueueRequest = z.output<typeof queueRequest>;
export type QueueStatus = z.infer<typeof queueStatus>;
