import { z } from 'zod';
import { count, jobState, priority, time, usd } from './words.ts';

export const jobSummary = z
  .object({
    job_id: z.string(),
    run_id: z.string(),
    batch_id: z.string().nullable(),
    key: z.string(),
    job_type: z.string().nullable(),
    provider: z.string(),
    model: z.string(),
    status: jobState,
    /** Waits in its queue until that is sent. */
    held: z.boolean(),
    priority,
    attempts: count,
    created_at: time.nullable(),
    error_code: z.string().nullable(),
  })
  .meta({ id: 'Job' });
export const jobDetails = jobSummary
  .extend({
    data: z.unknown(),
    endpoint: z.string().nullable(),
    /** The request as it goes on the wire. */
    request: z.unknown(),
    output: z.string().nullable(),
    response: z.unknown(),
    finish_reason: z.string().nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    callback_url: z.string().nullable(),
    ended_at: time.nullable(),
    cost_usd: usd.nullable(),
    /** The job whose answer it took, at no cost. */
    reused_from: z.string().nullable(),
    history: z.array(
      z.object({
        attempt: count,
        batch_id: z.string().nullable(),
        outcome: z.string().nullable(),
        error: z.object({ code: z.string(), message: z.string() }).nullable(),
        started_at: time,
        ended_at: time.nullable(),
        usage: z.object({ input_tokens: count, output_tokens: count }).nullable(),
        cost_usd: usd.nullable(),
      }),
    ),
    deliveries: z.array(z.object({ delivery_id: count, state: z.string(), attempts: count })),
  })
  .meta({ id: 'JobDetails' });
export const jobsPage = z
  .object({ jobs: z.array(jobSummary), next_before: z.int().nullable() })
  .meta({ id: 'JobsPage' });

export type Job = z.infer<typeof jobSummary>;
export type JobDetails = z.infer<typeof jobDetails>;
export type JobsPage = z.infer<typeof jobsPage>;
