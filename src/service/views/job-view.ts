import { isoTime } from '../../clock.ts';
import type { Delivery } from '../../service-store.ts';
import type * as rows from '../../views.ts';
import type { Job, JobDetails } from '../contract/jobs.ts';
import { shownUrl } from '../deliveries/shown-url.ts';
import { batchIdOf, jobIdOf } from '../public-ids.ts';
import { optionalDollars } from './figures.ts';
import { jsonValue } from './json-value.ts';

export function toJob(job: rows.JobSummary): Job {
  return {
    job_id: jobIdOf(job.queue, job.id),
    run_id: job.runId,
    batch_id: job.batchId === undefined ? null : batchIdOf(job.provider, job.batchId),
    key: job.key,
    job_type: job.queue ?? null,
    provider: job.provider,
    model: job.model,
    status: job.state,
    held: job.held,
    priority: job.priority,
    attempts: job.attempts,
    created_at: isoTime(job.createdAt) ?? null,
    error_code: job.errorCode ?? null,
  };
}

/** `reusedFrom`: the public id of the job whose answer it took. */
export function toJobDetails(
  job: rows.JobDetails,
  reusedFrom: string | null,
  deliveries: readonly Delivery[],
): JobDetails {
  return {
    ...toJob(job),
    data: jsonValue(job.data),
    endpoint: job.endpoint ?? null,
    request: jsonValue(job.body),
    output: job.output ?? null,
    response: jsonValue(job.response),
    finish_reason: job.finishReason ?? null,
    error: errorOf(job),
    callback_url: job.callbackUrl === undefined ? null : shownUrl(job.callbackUrl),
    ended_at: isoTime(job.endedAt) ?? null,
    cost_usd: costOf(job),
    reused_from: reusedFrom,
    history: job.history.map((attempt) => toAttempt(job.provider, attempt)),
    deliveries: deliveries.map(({ id, state, attempts }) => ({ delivery_id: id, state, attempts })),
  };
}

function toAttempt(provider: string, attempt: rows.AttemptView): JobDetails['history'][number] {
  return {
    attempt: attempt.number,
    batch_id: attempt.batchId === undefined ? null : batchIdOf(provider, attempt.batchId),
    outcome: attempt.outcome ?? null,
    error: errorOf(attempt),
    started_at: isoTime(attempt.startedAt),
    ended_at: isoTime(attempt.endedAt) ?? null,
    usage: usageOf(attempt),
    cost_usd: optionalDollars(attempt.costNanoUsd),
  };
}

/** All attempts; null when nothing was charged yet, or the price of one is not known. An answer that was taken over is free. */
function costOf({ history, reusedFrom }: rows.JobDetails): number | null {
  const charged = history.filter(({ inputTokens }) => inputTokens !== undefined);
  if (charged.length === 0) return reusedFrom === undefined ? null : 0;
  let sum = 0;
  for (const { costNanoUsd } of charged) {
    if (costNanoUsd === undefined) return null;
    sum += costNanoUsd;
  }
  return optionalDollars(sum);
}

export function errorOf(row: { errorCode?: string; errorMessage?: string }): { code: string; message: string } | null {
  if (row.errorCode === undefined && row.errorMessage === undefined) return null;
  return { code: row.errorCode ?? 'unknown', message: row.errorMessage ?? '' };
}

export function usageOf(row: {
  inputTokens?: number;
  outputTokens?: number;
}): { input_tokens: number; output_tokens: number } | null {
  if (row.inputTokens === undefined) return null;
  return { input_tokens: row.inputTokens, output_tokens: row.outputTokens ?? 0 };
}
