import { z } from 'zod';
import { count, time } from './words.ts';

export const health = z
  .object({
    status: z.enum(['healthy', 'degraded', 'unhealthy']),
    /** Kept from the former system: whether the store answers, and takes jobs. There is no Redis. */
    redis_connected: z.boolean(),
    store_connected: z.boolean(),
    queue_size: count,
    active_batches: count,
    reasons: z.array(z.string()),
    version: z.string(),
    timestamp: time,
  })
  .meta({ id: 'Health' });
export const ready = z.object({ ready: z.boolean() }).meta({ id: 'Ready' });

export const creativeScoringQuery = z.strictObject({
  creative_id: z.string().min(1).max(500),
  script: z.string().min(1),
  niche: z.string().min(1).max(200).default('fitness'),
  priority: z.coerce.number().int().min(1).max(10).default(5),
});
export const creativeScoringResponse = z
  .object({ job_id: z.string(), creative_id: z.string(), status: z.string(), message: z.string() })
  .meta({ id: 'CreativeScoringResponse' });
export const embeddingsRequest = z.array(z.string().min(1)).min(1).max(10_000);
export const embeddingsResponse = z
  .object({
    /** In the order of the request; null for those that were refused. */
    job_ids: z.array(z.string().nullable()),
    /** How many were queued. */
    count,
    status: z.string(),
    message: z.string(),
    errors: z.array(z.object({ index: count, detail: z.string() })),
  })
  .meta({ id: 'EmbeddingsResponse' });

export type Health = z.infer<typeof health>;
