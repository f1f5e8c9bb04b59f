import type { RowCounts } from '../../batch.ts';
import type { RemoteBatch } from '../../provider.ts';
import { arrayOf, countOf, type JsonRecord, parseRecord, recordOf, textOf, timeOf } from '../json-values.ts';
import type { BatchObjectProfile } from '../server-profile.ts';
import { enqueuedLimitIn } from './openai-error.ts';
import { classifyNamed } from './openai-failures.ts';

/** Wire shapes of the batch API, read tolerantly: compatible servers leave out, rename the case, write ISO times. */

/** Undefined when it carries no id, the one thing a batch cannot be without. */
export function parseBatch(value: unknown, profile: BatchObjectProfile): RemoteBatch | undefined {
  // The SDK hands JSON over as text when the server forgot its content type.
  const answer = typeof value === 'string' ? parseRecord(value) : recordOf(value);
  const wrapped = profile.wrapper === undefined ? undefined : recordOf(answer?.[profile.wrapper]);
  const batch = wrapped ?? answer;
  const remoteId = textOf(batch?.id);
  if (!batch || !remoteId) return undefined;
  const rawStatus = textOf(batch.status)?.toLowerCase() ?? 'unknown';
  const errors = parseErrors(batch.errors);
  const counts = countsOf(batch, profile);
  const resultFileIds = profile.resultFiles.flatMap((field) => textOf(batch[field]) ?? []);
  // A word we do not know is no end: only the words of the profile promise result files.
  const told = Object.hasOwn(profile.phases, rawStatus) ? profile.phases[rawStatus] : undefined;
  // What has results has run and is charged, whatever it is called.
  const hasRun = resultFileIds.length > 0 || (counts !== undefined && counts.succeeded > 0);
  const phase = told === 'refused' && hasRun ? 'ended' : (told ?? 'running');
  const remote: RemoteBatch = {
    remoteId,
    phase,
    rawStatus,
    resultFileIds,
    errors: errors.map((error) => ({ ...error, ...classifyNamed(error.code, error.message) })),
  };
  if (phase === 'refused') {
    remote.refusal = refusalOf(errors);
    const limit = errors.map((error) => enqueuedLimitIn(error.message)).find((found) => found !== undefined);
    if (remote.refusal === 'no_room' && limit !== undefined) remote.limit = limit;
  }
  if (counts) remote.counts = counts;
  const nonce = textOf(recordOf(batch.metadata)?.offpeak_submit);
  if (nonce) remote.nonce = nonce;
  const input = batch[profile.inputFile];
  const inputFileId = textOf(Array.isArray(input) ? input[0] : input);
  if (inputFileId) remote.inputFileId = inputFileId;
  const model = textOf(batch.model);
  if (model) remote.model = model;
  const createdAt = secondsOrDate(batch.created_at);
  if (createdAt !== undefined) remote.createdAt = createdAt;
  const endedAt = secondsOrDate(batch.completed_at ?? batch.expired_at ?? batch.cancelled_at ?? batch.failed_at);
  if (endedAt !== undefined) remote.endedAt = endedAt;
  const expiresAt = secondsOrDate(batch.expires_at);
  if (expiresAt !== undefined) remote.expiresAt = expiresAt;
  return remote;
}

function countsOf(batch: JsonRecord, { counts }: BatchObjectProfile): RowCounts | undefined {
  const record = counts.within === undefined ? batch : recordOf(batch[counts.within]);
  const total = countOf(record?.[counts.total]);
  if (!record || (total === undefined && counts.within === undefined)) return undefined;
  return {
    total: total ?? 0,
    succeeded: countOf(record[counts.succeeded]) ?? 0,
    failed: countOf(record[counts.failed]) ?? 0,
  };
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
function secondsOrDate(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value > 0 ? Math.round(value * 1000) : undefined;
  const text = textOf(value);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) * 1000 : timeOf(text);
}
