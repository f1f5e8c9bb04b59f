import { isOffpeakError, messageOf, OffpeakError } from '../../errors.ts';
import type { CreateInput, RemoteBatch } from '../../provider.ts';
import { aborted, outcomeUnknown, unavailable } from '../exchange-error.ts';
import { parseRecord } from '../json-values.ts';
import type { ProviderConnection } from '../provider-connection.ts';
import { HttpFailure, isSuccess, type TextAnswer } from '../send-http.ts';
import { exchange } from './gemini-connection.ts';
import { batchPathOf } from './gemini-endpoint.ts';
import {
  errorOfFault,
  faultOfBody,
  type GeminiFault,
  isBillingFault,
  isFreeTier,
  isQueueFull,
  kindOfFault,
} from './gemini-error.ts';
import { displayNameOf, parseOperation } from './gemini-operation.ts';

/** Exactly one POST. Whatever does not prove that nothing was created is `outcome_unknown`. */
export async function createBatch(connection: ProviderConnection, input: CreateInput): Promise<RemoteBatch> {
  const fileId = input.fileId ?? '';
  const action = `${connection.name}: create a batch from ${fileId || 'no file'}`;
  const path = batchPathOf(action, input.endpoint);
  if (!fileId) throw new OffpeakError(`${action}: it must be uploaded first`, { code: 'internal' });
  // Before the request there is nothing to be unsure about.
  if (input.signal?.aborted) throw aborted(action);
  connection.headers();
  const body = JSON.stringify({
    batch: { displayName: displayNameOf(input.nonce), inputConfig: { fileName: fileId } },
  });
  let answer: TextAnswer;
  try {
    answer = await exchange(connection, { method: 'POST', path, body, signal: input.signal });
  } catch (error) {
    throw createError(action, error, connection, input.signal);
  }
  if (!isSuccess(answer.status)) throw createFaultError(action, faultOfBody(answer, connection.redact), fileId);
  const batch = parseOperation(parseRecord(answer.text));
  if (!batch) throw outcomeUnknown(action, 'the answer names no batch');
  return batch;
}

function createError(
  action: string,
  error: unknown,
  connection: ProviderConnection,
  signal: AbortSignal | undefined,
): OffpeakError {
  if (isOffpeakError(error)) return error;
  const words = connection.redact(messageOf(error));
  if (error instanceof HttpFailure && !error.sent) {
    return signal?.aborted ? aborted(action) : unavailable(action, `${words}; nothing was sent`);
  }
  return outcomeUnknown(action, words);
}

function createFaultError(action: string, fault: GeminiFault, fileId: string): OffpeakError {
  const { status } = fault;
  if (status === 429) return errorOfFault(action, fault, kindOfFullQueue(fault));
  if (isFileUnseen(fault, fileId)) return errorOfFault(action, fault, 'not_ready');
  if (status === 404 && /\bmodels?\b/i.test(fault.message)) return errorOfFault(action, fault, 'rejected');
  if ([404, 405, 501].includes(status)) return errorOfFault(action, fault, 'batch_unavailable');
  const kind = kindOfFault(fault);
  // A redirect may be the answer to a POST that was carried out, so it proves nothing either.
  if (kind === 'unavailable' || status < 400) return outcomeUnknown(action, `HTTP ${status}: ${fault.message}`);
  return errorOfFault(action, fault, kind);
}

/**
 * 429 stands for three things. A free account never gets a batch; a delay to wait is a limit on requests a minute; all
 * else is the room for what is enqueued, which no clock gives back but the end of a batch.
 */
function kindOfFullQueue(fault: GeminiFault): 'quota' | 'no_room' | 'rate_limited' {
  if (isBillingFault(fault) || isFreeTier(fault)) return 'quota';
  return isQueueFull(fault) || fault.retryAfterMs === undefined ? 'no_room' : 'rate_limited';
}

/** Not found, not yet processed, or (as Google says of a file that it does not see) perhaps no permission. */
function isFileUnseen(fault: GeminiFault, fileId: string): boolean {
  if (![400, 403, 404].includes(fault.status) || fault.reason !== undefined) return false;
  const id = fileId.replace(/^files\//, '');
  const namesFile = fault.message.includes(id) || /\bfile\b|\bfiles\//i.test(fault.message);
  if (!namesFile) return false;
  return (
    fault.status === 404 || /not found|not exist|no such|cannot find|not in an? ACTIVE|PROCESSING/i.test(fault.message)
  );
}
