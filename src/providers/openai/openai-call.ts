import { messageOf, OffpeakError } from '../../errors.ts';
import type { FailedOutcome, Outcome } from '../../outcome.ts';
import type { CallOptions, ProviderCheck, WireRequest } from '../../provider.ts';
import { arrayOf, parseRecord, recordOf } from '../json-values.ts';
import { HttpFailure, readText } from '../send-http.ts';
import { createTimeLimit } from '../time-limit.ts';
import { outcomeOfAnswer } from './openai-answers.ts';
import type { OpenAIConnection } from './openai-client.ts';
import {
  badAnswer,
  errorOfExchange,
  errorOfFault,
  faultOfBody,
  faultOfSdkError,
  isQuotaFault,
  type OpenAIFault,
} from './openai-error.ts';
import { failedWithStatus } from './openai-rows.ts';

const longestAnswer = 256 * 1024 * 1024;

/**
 * One realtime call with the exact body text. By our own transport and not the SDK, whose fetch gives up after 300 s
 * without an answer whatever time-out it is given.
 */
export async function callOpenAI(
  connection: OpenAIConnection,
  wire: WireRequest,
  options: CallOptions,
): Promise<Outcome> {
  const action = `${connection.name}: POST ${wire.endpoint}`;
  const limit = createTimeLimit(options.signal);
  limit.start(options.timeoutMs);
  try {
    const headers = { ...connection.headers(), 'content-type': 'application/json', accept: 'application/json' };
    const url = connection.baseUrl + wire.endpoint.replace(/^\/v1(?=\/)/, '');
    const answer = await connection.send({ method: 'POST', url, headers, body: wire.body, signal: limit.signal });
    const text = await readText(answer, longestAnswer);
    if (answer.status < 200 || answer.status > 299) {
      return outcomeOfFault(action, faultOfBody(answer.status, answer.header, text, connection.redact));
    }
    const body = parseRecord(text);
    return body ? outcomeOfAnswer(body, text) : failed('malformed', `${action}: the answer is not a JSON object`);
  } catch (error) {
    if (limit.expired) return failed('timeout', `${action}: no answer within ${options.timeoutMs} ms`);
    if (options.signal.aborted) throw new OffpeakError(`${action}: aborted`, { code: 'aborted', retryable: true });
    if (error instanceof HttpFailure && error.sent) {
      return failed('connection', `${action}: ${connection.redact(messageOf(error))}`);
    }
    throw errorOfExchange(action, error, connection.redact, options.signal);
  } finally {
    limit.close();
  }
}

function failed(code: string, message: string): FailedOutcome {
  return { type: 'failed', code, message, retryable: true };
}

/** The account's fault is thrown, the row's own is returned. */
function outcomeOfFault(action: string, fault: OpenAIFault): Outcome {
  if (isQuotaFault(fault)) throw errorOfFault(action, fault, 'quota');
  // A project without access to one model: 403, but the key is good.
  const keyRefused = fault.status === 401 || (fault.status === 403 && fault.code !== 'model_not_found');
  if (keyRefused) throw errorOfFault(action, fault, 'auth');
  if (fault.status >= 300 && fault.status < 400) throw errorOfFault(action, fault, 'rejected');
  const code = fault.status === 429 ? 'rate_limited' : fault.code;
  const outcome = failedWithStatus(fault.status, code, fault.message);
  return outcome.type === 'failed' && outcome.retryable && fault.retryAfterMs !== undefined
    ? { ...outcome, retryAfterMs: fault.retryAfterMs }
    : outcome;
}

/** Lists the models: free of charge, and needs the key. */
export async function checkOpenAI(connection: OpenAIConnection, signal?: AbortSignal): Promise<ProviderCheck> {
  const action = `${connection.name}: list models at ${connection.baseUrl}`;
  try {
    const client = await connection.client();
    const response = await client.models.list(signal ? { signal } : {}).asResponse();
    const models = recordOf(await response.json())?.data;
    if (!Array.isArray(models)) throw badAnswer(action, 'no list of models');
    return { address: connection.baseUrl, detail: `reachable, ${arrayOf(models).length} models` };
  } catch (error) {
    const fault = faultOfSdkError(error, connection.redact);
    throw fault ? errorOfFault(action, fault) : errorOfExchange(action, error, connection.redact, signal);
  }
}
