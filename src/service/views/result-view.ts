import type { FeedRow } from '../../views.ts';
import type { Result } from '../contract/batches.ts';
import { batchIdOf, jobIdOf } from '../public-ids.ts';
import { optionalDollars } from './figures.ts';
import { errorOf, usageOf } from './job-view.ts';
import { jsonValue } from './json-value.ts';

export function toResult(row: FeedRow): Result {
  return {
    cursor: row.id,
    job_id: jobIdOf(row.queue, row.job),
    key: row.key,
    run_id: row.runId,
    batch_id: row.batchId === undefined ? null : batchIdOf(row.provider, row.batchId),
    job_type: row.queue ?? null,
    provider: row.provider,
    model: row.model,
    status: row.state,
    data: jsonValue(row.data),
    output: row.output ?? null,
    response: jsonValue(row.response),
    finish_reason: row.finishReason ?? null,
    error: errorOf(row),
    usage: usageOf(row),
    cost_usd: optionalDollars(row.costNanoUsd),
  };
}
