import { z } from 'zod';
import { batchState, batchStatus, count, jobState, time, usd } from './words.ts';

export const batchSummary = z
  .object({
    batch_id: z.string(),
    provider: z.string(),
    model: z.string(),
    job_type: z.string().nullable(),
    run_id: z.string(),
    provider_batch_id: z.string().nullable(),
    status: batchStatus,
    /** Our own word. */
    state: batchState,
    job_count: count,
    succeeded: count,
    failed: count,
    cost_usd: usd.nullable(),
    /** Realtime price minus cost, of what has ended. */
    cost_savings: usd,
    created_at: time,
    submitted_at: time.nullable(),
    completed_at: time.nullable(),
    expires_at: time.nullable(),
    age_hours: z.number(),
    /** By this account's own history; null: nothing is known yet. */
    expected_end_at: time.nullable(),
    error: z.string().nullable(),
    provider_status: z
      .object({
        status: z.string(),
        request_counts: z.object({ total: count, completed: count, failed: count }).nullable(),
        created_at: time.nullable(),
        completed_at: time.nullable(),
      })
      .nullable(),
  })
  .meta({ id: 'Batch' });
export const batchDetails = batchSummary
  .extend({
    input_file_id: z.string().nullable(),
    sha256: z.string().nullable(),
    bytes: count,
    estimated_tokens: count,
    quarantined: count,
    cancel_requested: z.boolean(),
    timeline: z.array(z.object({ at: time, state: z.string(), detail: z.string().nullable() })),
  })
  .meta({ id: 'BatchDetails' });
export const activeResponse = z.object({ count, batches: z.array(batchSummary) }).meta({ id: 'ActiveBatches' });

export const resultRow = z
  .object({
    /** Cursor: pass it as `after`. */
    cursor: z.int(),
    job_id: z.string(),
    key: z.string(),
    run_id: z.string(),
    batch_id: z.string().nullable(),
    job_type: z.string().nullable(),
    provider: z.string(),
    model: z.string(),
    status: jobState,
    /** What the caller queued it with. */
    data: z.unknown(),
    output: z.string().nullable(),
    /** The provider's own answer where it is kept: embeddings, native bodies. */
    response: z.unknown(),
    finish_reason: z.string().nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    usage: z.object({ input_tokens: count, output_tokens: count }).nullable(),
    cost_usd: usd.nullable(),
  })
  .meta({ id: 'Result' });
export const batchResults = z
  .object({
    batch_id: z.string(),
    result_count: count,
    results: z.array(resultRow),
    /** Pass it as `after` for the next page; null: this was the last. */
    next_cursor: z.int().nullable(),
  })
  .meta({ id: 'BatchResults' });

export type Batch = z.infer<typeof batchSummary>;
export type BatchDetails = z.infer<typeof batchDetails>;
export type Result = z.infer<typeof resultRow>;
