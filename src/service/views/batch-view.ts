import { isoTime } from '../../clock.ts';
import type { BatchSummary, StoreEvent } from '../../views.ts';
import type { Batch, BatchDetails } from '../contract/batches.ts';
import { batchIdOf } from '../public-ids.ts';
import { batchStatusOf } from './batch-status.ts';
import { dollars, hoursOf, optionalDollars } from './figures.ts';

export interface BatchMoment {
  now: number;
  /** By the account's own history; undefined: nothing is known. */
  expectedEndAt: number | undefined;
}

/** A row of the store in the contract's words. The provider is not asked: its word is that of the last poll. */
export function toBatch(batch: BatchSummary, { now, expectedEndAt }: BatchMoment): Batch {
  const status = batchStatusOf(batch);
  const began = batch.submittedAt ?? batch.createdAt;
  return {
    batch_id: batchIdOf(batch.provider, batch.id),
    provider: batch.provider,
    model: batch.model,
    job_type: batch.queue ?? null,
    run_id: batch.runId,
    provider_batch_id: batch.remoteId ?? null,
    status,
    state: batch.state,
    job_count: batch.requests,
    succeeded: batch.succeeded,
    failed: batch.failed,
    cost_usd: optionalDollars(batch.costNanoUsd),
    cost_savings: savingsOf(batch),
    created_at: isoTime(batch.createdAt),
    submitted_at: isoTime(batch.submittedAt) ?? null,
    completed_at: isoTime(batch.endedAt) ?? null,
    expires_at: isoTime(batch.expiresAt) ?? null,
    // Of one that has ended: what it took.
    age_hours: hoursOf(Math.max(0, (batch.endedAt ?? now) - began)),
    expected_end_at: isoTime(expectedEndAt) ?? null,
    error: errorOf(batch),
    provider_status: providerStatusOf(batch),
  };
}

/** Realtime price minus cost, of the rows that have ended and whose price is known. */
export function savingsOf({ realtimeNanoUsd, costNanoUsd }: BatchSummary): number {
  return realtimeNanoUsd === undefined || costNanoUsd === undefined ? 0 : dollars(realtimeNanoUsd - costNanoUsd);
}

function errorOf({ errorCode, errorMessage }: BatchSummary): string | null {
  if (errorMessage === undefined) return errorCode ?? null;
  return errorCode === undefined ? errorMessage : `${errorCode}: ${errorMessage}`;
}

function providerStatusOf(batch: BatchSummary): Batch['provider_status'] {
  if (batch.rawStatus === undefined) return null;
  const { counts } = batch;
  return {
    status: batch.rawStatus,
    request_counts: counts ? { total: counts.total, completed: counts.succeeded, failed: counts.failed } : null,
    created_at: isoTime(batch.submittedAt) ?? null,
    completed_at: isoTime(batch.endedAt) ?? null,
  };
}

export function toBatchDetails(batch: BatchSummary, moment: BatchMoment, events: readonly StoreEvent[]): BatchDetails {
  return {
    ...toBatch(batch, moment),
    input_file_id: batch.inputFileId ?? null,
    sha256: batch.sha256 ?? null,
    bytes: batch.bytes,
    estimated_tokens: batch.tokens,
    quarantined: batch.quarantined,
    cancel_requested: batch.cancelWanted || batch.cancelRequested,
    timeline: events.map(({ at, type, detail }) => ({
      at: isoTime(at),
      state: type.replace(/^batch_/, ''),
      detail: detail ?? null,
    })),
  };
}
