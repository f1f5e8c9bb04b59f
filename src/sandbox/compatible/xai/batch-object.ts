import type { BatchError } from '../../batches/batch-record.ts';
import { entryAfter } from '../../batches/spool.ts';
import { statusAt, timelineOf } from '../../batches/timeline.ts';
import type { SandboxState } from '../../state.ts';
import type { XaiBatch } from './batch-details.ts';
import { progressOf } from './progress.ts';

/** The batch as the client sees it at a moment: counters, days, and no word for its state. */
export function xaiBatchObject(
  state: SandboxState,
  record: XaiBatch,
  nowMs = state.clock.now(),
): Record<string, unknown> {
  const { startMs, expiresMs } = timelineOf(record);
  const isRefused = statusAt(record, nowMs) === 'failed';
  const cancelledMs = isRefused ? startMs : record.cancelledAtMs;
  return {
    batch_id: record.id,
    name: record.details.name,
    create_time: dayOf(record.createdMs),
    expire_time: dayOf(expiresMs),
    create_api_key_id: keyIdOf(record.account),
    // Whether an expired batch has one too is unconfirmed.
    cancel_time: cancelledMs === null ? null : dayOf(cancelledMs),
    cancel_by_xai_message: isRefused ? refusalText(record.errors?.[0]) : null,
    state: countersOf(state, record, nowMs),
    input_file_id: record.details.inputFileId,
  };
}

/** All 0 while the file is read, and for a file that was refused. */
function countersOf(state: SandboxState, record: XaiBatch, nowMs: number): Record<string, number> {
  const { rows, finished, others } = progressOf(record, nowMs);
  const totals = record.spool === null ? undefined : entryAfter(state.blobs, record.spool, finished)?.totals;
  return {
    num_requests: rows,
    num_pending: others === 'pending' ? rows - finished : 0,
    num_success: totals?.completed ?? 0,
    num_error: totals?.failed ?? 0,
    num_cancelled: others === 'pending' ? 0 : rows - finished,
  };
}

function refusalText(error: BatchError | undefined): string {
  const message = error?.message ?? 'unknown';
  // A defect of the sandbox must not look like a bad file.
  if (error?.code === 'server_error') return message;
  const at = error?.line === undefined || error.line === null ? '' : `line ${error.line}: `;
  return `JSONL file validation failed: ${at}${message}`;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** An id that is the same for the same key, in the form of a UUID. */
function keyIdOf(account: string): string {
  const hex = account.slice(account.indexOf(':') + 1);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
