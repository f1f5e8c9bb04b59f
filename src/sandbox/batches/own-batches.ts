import type { Call } from '../call.ts';
import type { SandboxState } from '../state.ts';
import type { BatchRecord } from './batch-record.ts';
import { rowsDoneAt, statusAt } from './timeline.ts';

/** The caller's batch; `undefined` for another account's, another provider's or a deleted one. */
export function ownBatch<Details>(
  state: SandboxState,
  call: Call,
  provider: string,
  id: string,
): BatchRecord<Details> | undefined {
  const record = state.batches.find(id);
  const isOwn = record?.account === call.account && record.provider === provider && !record.removed;
  return isOwn ? (record as BatchRecord<Details>) : undefined;
}

/** Newest first; with the fault `hide` the newest are left out, so the list just begins later. */
export function listBatches<Details>(
  state: SandboxState,
  call: Call,
  query: { provider: string; afterId?: string | undefined; beforeId?: string | undefined; limit: number },
): BatchRecord<Details>[] {
  const hiddenAfterMs = call.fault?.type === 'hide' ? state.clock.now() - call.fault.ms : Number.POSITIVE_INFINITY;
  const isVisible = (record: BatchRecord): boolean => record.createdMs <= hiddenAfterMs;
  const { provider, beforeId, limit } = query;
  const { account } = call;
  if (beforeId !== undefined) {
    return state.batches.list({ provider, account, beforeId, limit }).filter(isVisible) as BatchRecord<Details>[];
  }
  const found: BatchRecord[] = [];
  let { afterId } = query;
  for (;;) {
    const page = state.batches.list({ provider, account, afterId, limit });
    found.push(...page.filter(isVisible));
    if (page.length < limit || found.length >= limit) return found.slice(0, limit) as BatchRecord<Details>[];
    afterId = page.at(-1)?.id;
  }
}

/**
 * Cancels now, unless the end is reached already: then `refusedFor` is the sandbox's word for that end. `inFlightRows`
 * more than were finished are delivered still.
 */
export function cancelBatch(
  state: SandboxState,
  id: string,
  { inFlightRows = 0, removes = false }: { inFlightRows?: number; removes?: boolean } = {},
): { record: BatchRecord | undefined; refusedFor: 'completed' | 'failed' | 'expired' | undefined } {
  const nowMs = state.clock.now();
  let refusedFor: 'completed' | 'failed' | 'expired' | undefined;
  const record = state.batches.update(id, (current) => {
    const status = statusAt(current, nowMs);
    if (status === 'completed' || status === 'failed' || status === 'expired') refusedFor = status;
    if (refusedFor !== undefined || current.cancelledAtMs !== null) {
      return removes ? { ...current, removed: true } : undefined;
    }
    const begun = current.phase === 'executed' && nowMs >= current.createdMs + current.delays.validatingMs;
    const rowsAtCancel = Math.min(current.rows, rowsDoneAt(current, nowMs) + (begun ? inFlightRows : 0));
    return { ...current, cancelledAtMs: nowMs, rowsAtCancel, removed: removes };
  });
  return { record, refusedFor };
}
