import { z } from 'zod';
import { batchSummary } from './batches.ts';
import { count, runState, time, usd } from './words.ts';

export const jobCounts = z.object({
  total: count,
  queued: count,
  packed: count,
  running: count,
  succeeded: count,
  failed: count,
  cancelled: count,
  skipped: count,
});
export const runSummary = z
  .object({
    run_id: z.string(),
    name: z.string().nullable(),
    job_type: z.string().nullable(),
    provider: z.string(),
    model: z.string(),
    state: runState,
    mode: z.enum(['auto', 'batch', 'realtime']),
    simulated: z.boolean(),
    created_at: time,
    ended_at: time.nullable(),
    counts: jobCounts,
    reused: count,
    cost_usd: usd.nullable(),
    cost_savings: usd.nullable(),
    budget_usd: usd.nullable(),
    deadline_at: time.nullable(),
    note: z.string().nullable(),
  })
  .meta({ id: 'Run' });
export const runDetails = runSummary
  .extend({
    usage: z.object({ input_tokens: count, output_tokens: count, cached_tokens: count }),
    reserved_usd: usd,
    is_over_budget: z.boolean(),
    failures: z.array(z.object({ code: z.string(), count, example: z.string() })),
    batches: z.array(batchSummary),
  })
  .meta({ id: 'RunDetails' });
export const runsPage = z
  .object({ runs: z.array(runSummary), next_before: z.int().nullable() })
  .meta({ id: 'RunsPage' });
export const batchesPage = z
  .object({ batches: z.array(batchSummary), next_before: z.int().nullable() })
  .meta({ id: 'BatchesPage' });
export const retryRequest = z
  .strictObject({
    states: z
      .array(z.enum(['failed', 'cancelled']))
      .min(1)
      .default(['failed']),
  })
  .meta({ id: 'RetryRequest' });
export const changed = z
  .object({ status: z.string(), message: z.string(), count: count.optional() })
  .meta({ id: 'Changed' });

export type Run = z.infer<typeof runSummary>;
export type RunDetails = z.infer<typeof runDetails>;
export type RunsPage = z.infer<typeof runsPage>;
export type BatchesPage = z.infer<typeof batchesPage>;
