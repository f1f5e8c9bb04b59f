import type { RemoteBatch } from '../../provider.ts';
import { countOf, type JsonRecord, parseRecord, recordOf, textOf, timeOf } from '../json-values.ts';
import { isNotBatched } from './openai-error.ts';

/**
 * xAI's batch object: no status, but counters (https://docs.x.ai/docs/guides/batch-api). All of them are 0 while the
 * file is read, so that nothing pending proves nothing by itself.
 */

export interface CountedOptions {
  /** See `BatchLimits.cancelSettlesMs`. */
  settlesMs: number;
  now: () => number;
}

interface Counters {
  total: number;
  pending: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

const dayMs = 24 * 3_600_000;
/** Cancelled batches of which is known since when they stand still: of one that is forgotten, the wait begins anew. */
const mostWatched = 1000;

/**
 * A cancel counts every pending row as cancelled at once, and those under way move back to success some seconds later:
 * a cancelled batch has ended when its counters have stood still for a while, of which this keeps track.
 */
export function createReadCounted({ settlesMs, now }: CountedOptions): (answer: unknown) => RemoteBatch | undefined {
  const still = new Map<string, { counters: string; since: number }>();
  const hasSettled = (remoteId: string, counters: Counters): boolean => {
    const text = JSON.stringify(counters);
    const seen = still.get(remoteId);
    if (seen?.counters === text) return now() - seen.since >= settlesMs;
    still.delete(remoteId);
    still.set(remoteId, { counters: text, since: now() });
    const [oldest] = still.keys();
    if (still.size > mostWatched && oldest !== undefined) still.delete(oldest);
    return settlesMs === 0;
  };
  return (answer) => {
    const batch = typeof answer === 'string' ? parseRecord(answer) : recordOf(answer);
    const remoteId = textOf(batch?.batch_id) ?? textOf(batch?.id);
    if (!batch || !remoteId) return undefined;
    const counters = countersOf(batch);
    const { phase, rawStatus } = stateOf(batch, counters, now(), () => hasSettled(remoteId, counters));
    return { remoteId, phase, rawStatus, resultFileIds: [], ...refusalOf(batch, phase), ...detailsOf(batch, counters) };
  };
}

function countersOf(batch: JsonRecord): Counters {
  const state = recordOf(batch.state);
  return {
    total: countOf(state?.num_requests) ?? 0,
    pending: countOf(state?.num_pending) ?? 0,
    succeeded: countOf(state?.num_success) ?? 0,
    failed: countOf(state?.num_error) ?? 0,
    cancelled: countOf(state?.num_cancelled) ?? 0,
  };
}

function stateOf(
  batch: JsonRecord,
  { total, pending, succeeded, failed, cancelled }: Counters,
  now: number,
  hasSettled: () => boolean,
): Pick<RemoteBatch, 'phase' | 'rawStatus'> {
  const isStopped = textOf(batch.cancel_by_xai_message) !== undefined;
  if (total === 0 && isStopped) return { phase: 'refused', rawStatus: 'failed' };
  if (isStopped || textOf(batch.cancel_time)) {
    // Stopped by xAI, nobody here wanted it: its rows are to be tried again, as those of one that expired.
    return {
      phase: pending === 0 && hasSettled() ? 'ended' : 'running',
      rawStatus: isStopped ? 'expired' : 'cancelled',
    };
  }
  // Counted in full: nothing pending alone may be a file that is still read.
  if (total > 0 && pending === 0 && succeeded + failed + cancelled >= total) {
    return { phase: 'ended', rawStatus: cancelled > 0 ? 'expired' : 'completed' };
  }
  const expiresAt = timeOf(batch.expire_time);
  // A date without a time may mean the end of its day.
  if (expiresAt !== undefined && now > expiresAt + dayMs) return { phase: 'ended', rawStatus: 'expired' };
  return { phase: 'running', rawStatus: total === 0 ? 'validating' : 'in_progress' };
}

/** Its one message names at most one line; whatever else it says goes for the whole file. */
function refusalOf(batch: JsonRecord, phase: RemoteBatch['phase']): Pick<RemoteBatch, 'errors' | 'refusal'> {
  const message = textOf(batch.cancel_by_xai_message);
  if (phase !== 'refused' || message === undefined) return { errors: [] };
  if (isNotBatched(message)) return { refusal: 'not_batched', errors: [{ code: 'invalid_request', message }] };
  const error = { code: 'invalid_request', message };
  // Of its file it says that the validation failed; anything else is no fault of the rows.
  if (!/validation failed/i.test(message)) return { refusal: 'provider', errors: [{ ...error, code: 'overloaded' }] };
  const line = Number(/\bline (\d+)\b/i.exec(message)?.[1] ?? 0);
  return line > 0 ? { refusal: 'rows', errors: [{ ...error, line }] } : { refusal: 'batch', errors: [error] };
}

function detailsOf(batch: JsonRecord, { total, succeeded, failed, cancelled }: Counters): Partial<RemoteBatch> {
  const details: Partial<RemoteBatch> = { counts: { total, succeeded, failed: failed + cancelled } };
  const nonce = nonceOf(textOf(batch.name));
  if (nonce) details.nonce = nonce;
  const inputFileId = textOf(batch.input_file_id);
  if (inputFileId) details.inputFileId = inputFileId;
  const createdAt = timeOf(batch.create_time);
  if (createdAt !== undefined) details.createdAt = createdAt;
  const expiresAt = timeOf(batch.expire_time);
  if (expiresAt !== undefined) details.expiresAt = expiresAt;
  return details;
}

const namePrefix = 'offpeak-';

/** A batch's name with our nonce in it. */
export function carriedName(nonce: string): string {
  return namePrefix + nonce;
}

function nonceOf(name: string | undefined): string | undefined {
  return name?.startsWith(namePrefix) ? name.slice(namePrefix.length) : undefined;
}
