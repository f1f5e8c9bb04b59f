import type { Outcome } from '../../outcome.ts';
import type { CallOptions, ProviderCheck } from '../../provider.ts';
import { withPause } from '../answer-outcome.ts';
import { callOnce } from '../call-once.ts';
import { recordOf } from '../json-values.ts';
import { outcomeOfAnswer } from './openai-answers.ts';
import type { OpenAIConnection } from './openai-client.ts';
import {
  badAnswer,
  errorOfExchange,
  errorOfFault,
  faultOfBody,
  faultOfSdkError,
  isKeyRefused,
  isQuotaFault,
  type OpenAIFault,
} from './openai-error.ts';
import { failedOutcome } from './openai-failures.ts';

/**
 * One realtime call with the exact body text. By our own transport and not the SDK, whose fetch gives up after 300 s
 * without an answer whatever time-out it is given.
 */
export async function callOpenAI(
  connection: OpenAIConnection,
  wire: { endpoint: string; body: string },
  options: CallOptions,
): Promise<Outcome> {
  const action = `${connection.name}: POST ${wire.endpoint}`;
  return callOnce(
    {
      action,
      connection,
      url: connection.baseUrl + wire.endpoint.replace(/^\/v1(?=\/)/, ''),
      headers: { ...connection.headers(), accept: 'application/json' },
      body: wire.body,
      outcomeOfAnswer,
      outcomeOfRefusal: (answer) => outcomeOfFault(action, faultOfBody(answer, connection.redact)),
      errorOf: (error) => errorOfExchange(action, error, connection.redact, options.signal),
    },
    options,
  );
}

/** The account's fault is thrown, the row's own is returned. */
function outcomeOfFault(action: string, fault: OpenAIFault): Outcome {
  if (isQuotaFault(fault)) throw errorOfFault(action, fault, 'quota');
  // A project without access to one model: 403, but the key is good.
  const noAccess = fault.status === 403 && fault.code !== 'model_not_found';
  if (isKeyRefused(fault) || noAccess) throw errorOfFault(action, fault, 'auth');
  if (fault.status >= 300 && fault.status < 400) throw errorOfFault(action, fault, 'rejected');
  return withPause(failedOutcome(fault), fault.retryAfterMs);
}

/** Lists the models: free of charge, and needs the key. */
export async function checkOpenAI(connection: OpenAIConnection, signal?: AbortSignal): Promise<ProviderCheck> {
  const action = `${connection.name}: list models at ${connection.baseUrl}`;
  try {
    const client = await connection.client();
    const response = await client.models.list(signal ? { signal } : {}).asResponse();
    const answer: unknown = await response.json();
    const models = Array.isArray(answer) ? answer : recordOf(answer)?.data;
    if (!Array.isArray(models)) throw badAnswer(action, 'no list of models');
    return { address: connection.baseUrl, detail: `reachable, ${models.length} models` };
  } catch (error) {
    const fault = faultOfSdkError(error, connection.redact);
    throw fault ? errorOfFault(action, fault) : errorOfExchange(action, error, connection.redact, signal);
  }
}
