import type { RowTotals } from '../batches/batch-record.ts';
import { entryAfter } from '../batches/spool.ts';
import { rowsDoneAt, statusAt, timelineOf } from '../batches/timeline.ts';
import type { SandboxState } from '../state.ts';
import type { OpenAiBatch } from './batch-details.ts';

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** The batch as the client sees it at a moment (contract section 1.4): all fields present, `null` where unset. */
export function batchObject(state: SandboxState, record: OpenAiBatch, nowMs: number): Record<string, unknown> {
  const status = statusAt(record, nowMs);
  const { startMs, workEndMs, expiresMs, endMs } = timelineOf(record);
  const executed = record.phase === 'executed' || record.phase === 'settled';
  const settled = record.phase === 'settled';
  const cancelled = record.cancelledAtMs;
  const reached = (ms: number): number | null => (executed && nowMs >= ms ? seconds(ms) : null);
  const started = reached(startMs);
  const inProgress = cancelled !== null && cancelled < startMs ? null : started;
  const finalizing = cancelled !== null && cancelled < workEndMs ? null : reached(workEndMs);
  const totals = totalsAt(state, record, nowMs);
  const { details } = record;
  return {
    id: record.id,
    object: 'batch',
    endpoint: details.endpoint,
    model: started === null ? null : record.model,
    errors: status === 'failed' ? { object: 'list', data: record.errors } : null,
    input_file_id: details.inputFileId,
    completion_window: details.completionWindow,
    status,
    output_file_id: settled ? details.outputFileId : null,
    error_file_id: settled ? details.errorFileId : null,
    created_at: seconds(record.createdMs),
    in_progress_at: inProgress,
    expires_at: seconds(expiresMs),
    finalizing_at: finalizing,
    completed_at: status === 'completed' ? seconds(endMs) : null,
    failed_at: status === 'failed' ? seconds(startMs) : null,
    expired_at: status === 'expired' ? seconds(endMs) : null,
    cancelling_at: cancelled === null ? null : seconds(cancelled),
    cancelled_at: status === 'cancelled' ? seconds(endMs) : null,
    request_counts: {
      total: started === null ? 0 : record.rows,
      completed: totals?.completed ?? 0,
      failed: totals?.failed ?? 0,
    },
    usage: settled ? usageOf(totals) : null,
    metadata: details.metadata,
  };
}

function usageOf(totals: RowTotals | undefined): Record<string, unknown> {
  const input = totals?.inputTokens ?? 0;
  const output = totals?.outputTokens ?? 0;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + output,
  };
}

/** Totals of the rows finished by now. */
function totalsAt(state: SandboxState, record: OpenAiBatch, nowMs: number): RowTotals | undefined {
  if (record.totals !== null) return record.totals;
  if (record.phase !== 'executed' || record.spool === null) return undefined;
  const rows = Math.min(rowsDoneAt(record, nowMs), timelineOf(record).finalRows);
  return entryAfter(state.blobs, record.spool, rows)?.totals;
}
