import { z } from 'zod';
import { count, usd } from './words.ts';

export const savings = z
  .object({
    total_savings: usd,
    savings_by_type: z.record(z.string(), usd),
    savings_by_provider: z.record(z.string(), usd),
    savings_by_model: z.record(z.string(), usd),
    /** What the same tokens cost in realtime. */
    realtime_cost: usd,
    /** What was charged. */
    batch_cost: usd,
    savings_percentage: z.number(),
    jobs_processed: count,
    /** Answers whose model has no known price; they are in no sum. */
    unpriced_jobs: count,
  })
  .meta({ id: 'Savings' });
export const costRow = z.object({
  group: z.string(),
  attempts: count,
  input_tokens: count,
  output_tokens: count,
  cached_tokens: count,
  cost_usd: usd,
  realtime_usd: usd,
  savings_usd: usd,
  unpriced: count,
});
export const costs = z
  .object({ by: z.enum(['day', 'job_type', 'provider', 'model', 'run']), since: z.string(), rows: z.array(costRow) })
  .meta({ id: 'Costs' });

export type Savings = z.infer<typeof savings>;
export type Costs = z.infer<typeof costs>;
