import { statusAt, timelineOf } from '../batches/timeline.ts';
import type { AnthropicBatch } from './batch-details.ts';

/** Results are kept so long after the creation (contract section 2.4). */
const RETENTION_MS = 29 * 24 * 3_600_000;

export type ProcessingStatus = 'in_progress' | 'canceling' | 'ended';

export function processingStatus(record: AnthropicBatch, nowMs: number): ProcessingStatus {
  const status = statusAt(record, nowMs);
  if (record.phase === 'settled' || status === 'failed') return 'ended';
  return status === 'cancelling' ? 'canceling' : 'in_progress';
}

export function isArchived(record: AnthropicBatch, nowMs: number): boolean {
  return nowMs >= record.createdMs + RETENTION_MS;
}

/** The batch as the client sees it at a moment (contract section 2.3): all fields present, `null` where unset. */
export function batchObject(record: AnthropicBatch, nowMs: number, origin: string): Record<string, unknown> {
  const status = processingStatus(record, nowMs);
  const hasEnded = status === 'ended';
  const { endMs, expiresMs } = timelineOf(record);
  return {
    id: record.id,
    type: 'message_batch',
    processing_status: status,
    request_counts: countsOf(record, hasEnded),
    ended_at: hasEnded ? timeText(endMs) : null,
    created_at: timeText(record.createdMs),
    expires_at: timeText(expiresMs),
    archived_at: isArchived(record, nowMs) ? timeText(record.createdMs + RETENTION_MS) : null,
    cancel_initiated_at: record.cancelledAtMs === null ? null : timeText(record.cancelledAtMs),
    results_url: hasEnded ? `${origin}/v1/messages/batches/${record.id}/results` : null,
  };
}

/** They do not advance: all rows are processing until the batch ends, then all move at once. */
function countsOf(record: AnthropicBatch, hasEnded: boolean): Record<string, number> {
  const counts = { processing: 0, succeeded: 0, errored: 0, canceled: 0, expired: 0 };
  if (!hasEnded) return { ...counts, processing: record.rows };
  // A defect of the sandbox: there are no results at all.
  if (record.totals === null) return { ...counts, errored: record.rows };
  const { completed, failed } = record.totals;
  const rest = record.rows - completed - failed;
  const isCancelled = timelineOf(record).outcome === 'cancelled';
  return {
    ...counts,
    succeeded: completed,
    errored: failed,
    canceled: isCancelled ? rest : 0,
    expired: isCancelled ? 0 : rest,
  };
}

/** RFC 3339 with microseconds. */
function timeText(ms: number): string {
  const micros = Math.floor((ms % 1) * 1000);
  return new Date(Math.floor(ms)).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}
