import type { RemoteBatch } from '../../provider.ts';
import { arrayOf, countOf, parseRecord, recordOf, textOf } from '../json-values.ts';

/** Wire shapes of the batch API, read tolerantly: compatible servers leave out, rename the case, write ISO times. */

const endedStatuses = new Set(['completed', 'expired', 'cancelled', 'canceled']);

/** Undefined when it carries no id, the one thing a batch cannot be without. */
export function parseBatch(value: unknown): RemoteBatch | undefined {
  // The SDK hands JSON over as text when the server forgot its content type.
  const batch = typeof value === 'string' ? parseRecord(value) : recordOf(value);
  const remoteId = textOf(batch?.id);
  if (!batch || !remoteId) return undefined;
  const rawStatus = textOf(batch.status)?.toLowerCase() ?? 'unknown';
  const ended = endedStatuses.has(rawStatus);
  const remote: RemoteBatch = {
    remoteId,
    // A word we do not know is no end: only the words above promise result files.
    phase: ended ? 'ended' : rawStatus === 'failed' ? 'refused' : 'running',
    rawStatus,
    resultFileIds: [textOf(batch.output_file_id), textOf(batch.error_file_id)].filter((id) => id !== undefined),
    errors: parseErrors(batch.errors),
  };
  if (remote.phase === 'refused') remote.refusal = refusalOf(remote.errors);
  const counts = recordOf(batch.request_counts);
  if (counts) {
    remote.counts = {
      total: countOf(counts.total) ?? 0,
      succeeded: countOf(counts.completed) ?? 0,
      failed: countOf(counts.failed) ?? 0,
    };
  }
  const nonce = textOf(recordOf(batch.metadata)?.offpeak_submit);
  if (nonce) remote.nonce = nonce;
  const inputFileId = textOf(batch.input_file_id);
  if (inputFileId) remote.inputFileId = inputFileId;
  const createdAt = timeOf(batch.created_at);
  if (createdAt !== undefined) remote.createdAt = createdAt;
  const endedAt = timeOf(batch.completed_at ?? batch.expired_at ?? batch.cancelled_at ?? batch.failed_at);
  if (endedAt !== undefined) remote.endedAt = endedAt;
  const expiresAt = timeOf(batch.expires_at);
  if (expiresAt !== undefined) remote.expiresAt = expiresAt;
  return remote;
}

/** Model faults carry a line too, but all lines of a batch have the same model. Codes: contracts, OpenAI 1.7. */
const batchCodes = new Set(['model_not_found', 'mismatched_model', 'model_mismatch', 'empty_file', 'too_many_tasks']);

function refusalOf(errors: RemoteBatch['errors']): NonNullable<RemoteBatch['refusal']> {
  if (errors.some((error) => error.code === 'token_limit_exceeded')) return 'no_room';
  if (errors.some((error) => error.line === undefined && /cannot find file/i.test(error.message)))
    return 'file_missing';
  const hasRows = errors.some((error) => error.line !== undefined && !batchCodes.has(error.code));
  return hasRows ? 'rows' : 'batch';
}

function parseErrors(value: unknown): RemoteBatch['errors'] {
  const list = Array.isArray(value) ? value : arrayOf(recordOf(value)?.data);
  return list.flatMap((entry) => {
    const error = recordOf(entry);
    if (!error) return [];
    const parsed: { code: string; message: string; line?: number } = {
      code: textOf(error.code) ?? 'unknown',
      message: textOf(error.message) ?? '',
    };
    const line = countOf(error.line);
    if (line !== undefined && line > 0) parsed.line = line;
    return [parsed];
  });
}

/** Unix seconds or ISO text, in milliseconds. */
function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? Math.round(value * 1000) : undefined;
  const text = textOf(value);
  if (!text) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
