import type { BatchRecord } from './batch-record.ts';

/** A cancel takes at most ten minutes (contract section 1.5). */
const MAX_CANCELLING_MS = 10 * 60_000;

/** The sandbox's own words, which are OpenAI's; other dialects translate. */
export type BatchStatus =
  | 'validating'
  | 'failed'
  | 'in_progress'
  | 'finalizing'
  | 'completed'
  | 'expired'
  | 'cancelling'
  | 'cancelled';

/** When each phase of a batch begins, in sandbox time. A pure function of the record. */
export interface Timeline {
  startMs: number;
  workEndMs: number;
  expiresMs: number;
  endMs: number;
  outcome: 'completed' | 'expired' | 'cancelled';
  /** Rows delivered in the end. */
  finalRows: number;
}

export function timelineOf(record: BatchRecord): Timeline {
  const startMs = record.createdMs + record.delays.validatingMs;
  const expiresMs = record.createdMs + record.windowMs;
  const durationMs = workDurationMs(record);
  const lastRow = record.expireFraction === null ? record.rows : Math.floor(record.rows * record.expireFraction);
  const wantedEndMs = startMs + (record.rows === 0 ? durationMs : durationMs * (lastRow / record.rows));
  const tooSlow = wantedEndMs > expiresMs;
  const workEndMs = tooSlow ? expiresMs : wantedEndMs;
  const base = { startMs, workEndMs, expiresMs };
  if (record.cancelledAtMs !== null) {
    const endMs = record.cancelledAtMs + Math.min(record.delays.cancellingMs, MAX_CANCELLING_MS);
    return { ...base, endMs, outcome: 'cancelled', finalRows: record.keepsFinished ? record.rowsAtCancel : 0 };
  }
  const outcome = tooSlow || record.expireFraction !== null ? 'expired' : 'completed';
  const finishedRows = tooSlow ? rowsDoneAt(record, expiresMs) : lastRow;
  const finalRows = outcome === 'completed' || record.keepsFinished ? finishedRows : 0;
  return { ...base, endMs: workEndMs + record.delays.finalizingMs, outcome, finalRows };
}

/** Rows finished at a moment: they finish one after the other, evenly over the time in progress. */
export function rowsDoneAt(record: BatchRecord, nowMs: number): number {
  const lastRow = record.expireFraction === null ? record.rows : Math.floor(record.rows * record.expireFraction);
  const elapsedMs = nowMs - (record.createdMs + record.delays.validatingMs);
  if (elapsedMs < 0 || record.phase === 'pending') return 0;
  const durationMs = workDurationMs(record);
  return durationMs === 0 ? lastRow : Math.min(lastRow, Math.floor((record.rows * elapsedMs) / durationMs));
}

function workDurationMs(record: BatchRecord): number {
  return record.delays.inProgressMs + record.rows * record.delays.perRowMs;
}

/**
 * The status at a moment. It never runs ahead of the real work: a batch not executed yet is still `validating`, one
 * whose files are not written yet is still `finalizing`, whatever the clock says.
 */
export function statusAt(record: BatchRecord, nowMs: number): BatchStatus {
  const timeline = timelineOf(record);
  if (record.phase === 'settled') return timeline.outcome;
  if (record.phase === 'failed' && nowMs >= timeline.startMs) return 'failed';
  if (record.cancelledAtMs !== null) return 'cancelling';
  if (record.phase !== 'executed' || nowMs < timeline.startMs) return 'validating';
  return nowMs < timeline.workEndMs ? 'in_progress' : 'finalizing';
}
