import type { Outcome } from '../../outcome.ts';
import type { CallOptions, ProviderCheck } from '../../provider.ts';
import { withPause } from '../answer-outcome.ts';
import { callOnce } from '../call-once.ts';
import { errorOfExchange } from '../exchange-error.ts';
import { outcomeOfMessage } from './anthropic-answers.ts';
import { type AnthropicConnection, exchange } from './anthropic-connection.ts';
import { type AnthropicFault, errorOfFault, faultOfBody, isQuotaFault } from './anthropic-error.ts';
import { failedWithType } from './anthropic-rows.ts';
import { parseEndpoint } from './messages-endpoint.ts';

/** One realtime call with the exact body text. */
export async function callAnthropic(
  connection: AnthropicConnection,
  wire: { endpoint: string; body: string },
  options: CallOptions,
): Promise<Outcome> {
  const { path, version } = parseEndpoint(wire.endpoint);
  const action = `${connection.name}: POST ${path}`;
  return callOnce(
    {
      action,
      connection,
      url: connection.baseUrl + path,
      headers: { ...connection.headers(version), accept: 'application/json' },
      body: wire.body,
      outcomeOfAnswer: outcomeOfMessage,
      outcomeOfRefusal: (answer) => outcomeOfFault(action, faultOfBody(answer, connection.redact)),
      errorOf: (error) => errorOfExchange(action, error, connection.redact, options.signal),
    },
    options,
  );
}

/** The account's fault is thrown, the row's own is returned. */
function outcomeOfFault(action: string, fault: AnthropicFault): Outcome {
  if (isQuotaFault(fault)) throw errorOfFault(action, fault, 'quota');
  if (fault.status === 401 || fault.status === 403) throw errorOfFault(action, fault, 'auth');
  if (fault.status < 400) throw errorOfFault(action, fault, 'rejected');
  return withPause(failedWithType(fault.type, fault.message, fault.status), fault.retryAfterMs);
}

/**
 * Asks for one model: free of charge, and needs the key. A gateway that knows no list of models but answers in
 * Anthropic's shape counts as reachable, and says that its key was not tried.
 */
export async function checkAnthropic(connection: AnthropicConnection, signal?: AbortSignal): Promise<ProviderCheck> {
  const address = connection.baseUrl;
  const action = `${connection.name}: list models at ${address}`;
  const { fault } = await exchange(connection, action, { method: 'GET', path: '/v1/models?limit=1', signal });
  const hasKey = 'x-api-key' in connection.headers();
  if (!fault) return { address, detail: hasKey ? 'reachable, the key is accepted' : 'reachable' };
  if (fault.status === 404 && fault.type === 'not_found_error') {
    return { address, detail: 'reachable, but it lists no models: the key was not tried' };
  }
  throw errorOfFault(action, fault);
}
