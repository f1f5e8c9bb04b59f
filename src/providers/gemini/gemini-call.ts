import type { Outcome } from '../../outcome.ts';
import type { CallOptions, ProviderCheck, WireRequest } from '../../provider.ts';
import { callOnce } from '../call-once.ts';
import { errorOfExchange } from '../exchange-error.ts';
import type { ProviderConnection } from '../provider-connection.ts';
import { outcomeOfAnswer } from './gemini-answers.ts';
import { exchangeJson } from './gemini-connection.ts';
import { badAnswer, errorOfFault, faultOfBody, type GeminiFault, isAboutInput, kindOfFault } from './gemini-error.ts';
import { failedWithWord } from './gemini-rows.ts';

/** One realtime call with the exact body text. */
export async function callGemini(
  connection: ProviderConnection,
  wire: Pick<WireRequest, 'endpoint' | 'body'>,
  options: CallOptions,
): Promise<Outcome> {
  const action = `${connection.name}: POST ${wire.endpoint}`;
  return callOnce(
    {
      action,
      connection,
      url: connection.baseUrl + wire.endpoint,
      headers: connection.headers(),
      body: wire.body,
      outcomeOfAnswer,
      outcomeOfRefusal: (answer) => outcomeOfFault(action, faultOfBody(answer, connection.redact)),
      errorOf: (error) => errorOfExchange(action, error, connection.redact, options.signal),
    },
    options,
  );
}

/** The account's fault is thrown, the row's own is returned. */
function outcomeOfFault(action: string, fault: GeminiFault): Outcome {
  const kind = kindOfFault(fault);
  const isAccount = kind === 'quota' || (kind === 'auth' && !(fault.status === 403 && isAboutInput(fault)));
  if (isAccount || (fault.status >= 300 && fault.status < 400)) throw errorOfFault(action, fault);
  return failedWithWord(fault.word, fault.message, fault.retryAfterMs);
}

/** Lists one model: free of charge, and needs the key. */
export async function checkGemini(connection: ProviderConnection, signal?: AbortSignal): Promise<ProviderCheck> {
  const action = `${connection.name}: list models at ${connection.baseUrl}`;
  const answer = await exchangeJson(connection, action, { method: 'GET', path: '/v1beta/models?pageSize=1', signal });
  if (!Array.isArray(answer.models)) throw badAnswer(action, 'no list of models');
  return { address: connection.baseUrl, detail: 'reachable, and the key is accepted' };
}
