import { z } from 'zod';
import { batchStates } from '../../batch.ts';
import { jobStates } from '../../job.ts';
import { runStates } from '../../run.ts';

/**
 * The REST contract: one schema for validation, types, OpenAPI and the dashboard. Field names are snake_case, as in the
 * system it replaces; times are ISO 8601 text in UTC, money US dollars. Requests are strict: an unknown field is refused
 * by name.
 */

export const jobTypes = [
  'creative_scoring',
  'embedding_generation',
  'video_analysis',
  'hook_generation',
  'historical_reprocessing',
  'bulk_prediction',
] as const;
export const jobType = z.enum(jobTypes).meta({ id: 'JobType' });
/** `openai`, `anthropic`, `gemini`, or any other that is configured. */
export const providerName = z.string().min(1).max(64).meta({ example: 'openai' });
export const priority = z.int().min(1).max(10);
export const time = z.iso.datetime();
export const usd = z.number();
export const count = z.int().min(0);

// Words of the origin for a batch's state, and our own beside them.
export const batchStatus = z
  .enum(['queued', 'submitted', 'processing', 'completed', 'failed', 'cancelled'])
  .meta({ id: 'BatchStatus' });
export const batchState = z.enum(batchStates);
export const jobState = z.enum(jobStates);
export const runState = z.enum(runStates);

/** RFC 9457. `errors` names the fields that are wrong. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    code: z.string().optional(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

export type JobTypeName = z.infer<typeof jobType>;
export type BatchStatus = z.infer<typeof batchStatus>;
export type Problem = z.infer<typeof problem>;
