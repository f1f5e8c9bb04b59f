import { isOffpeakError, messageOf, OffpeakError } from '../../errors.ts';
import type { Outcome } from '../../outcome.ts';
import type { CallOptions, Provider, ProviderCheck } from '../../provider.ts';
import { withPause } from '../answer-outcome.ts';
import { callOnce } from '../call-once.ts';
import { aborted, unavailable } from '../exchange-error.ts';
import { exchangeText } from '../exchange-text.ts';
import { arrayOf, parseRecord, textOf } from '../json-values.ts';
import { accountFingerprint } from '../provider-connection.ts';
import { createRedact } from '../redact.ts';
import { retryAfterMs } from '../retry-after.ts';
import { createSendHttp, type SendHttp, type TextAnswer } from '../send-http.ts';
import { askAgain } from './ask-again.ts';
import { convertToOllamaRequest } from './convert-to-ollama-request.ts';
import { outcomeOfOllamaAnswer, outcomeOfOllamaFault } from './ollama-answers.ts';

export interface OllamaProviderOptions {
  /** Default `http://127.0.0.1:11434`; also without a scheme, as in OLLAMA_HOST. */
  host?: string;
  simulated?: boolean;
  /** Stands for the address in the account's fingerprint, for a server whose port changes with every start. */
  scope?: string;
  /** Default: Node's own HTTP client, because fetch gives up after 300 s and a local model on a CPU does not. */
  fetch?: typeof globalThis.fetch;
}

interface OllamaConnection {
  host: string;
  send: SendHttp;
}

const redact = createRedact(undefined);
const longestListing = 256 * 1024 * 1024;
const checkTimeoutMs = 10_000;

/**
 * Models on one's own machine: no key, no batch API, no cost.
 * @example createOllamaProvider({ host: 'http://gpu.local:11434' })
 */
export function createOllamaProvider(options: OllamaProviderOptions = {}): Provider {
  const host = normaliseHost(options.host ?? 'http://127.0.0.1:11434');
  const connection = { host, send: createSendHttp(options.fetch) };
  return {
    name: 'ollama',
    account: accountFingerprint('ollama', [options.scope ?? host, undefined]),
    simulated: options.simulated ?? false,
    toWire: convertToOllamaRequest,
    askAgain,
    call: (wire, callOptions) => callOllama(connection, wire, callOptions),
    check: (signal) => checkOllama(connection, signal),
  };
}

function normaliseHost(text: string): string {
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : `http://${text}`);
  if (!url || url.username || url.password || url.search) {
    throw new OffpeakError('the host of Ollama must be such as http://127.0.0.1:11434', { code: 'config' });
  }
  // As Ollama's own client: a host without port or path means its default port.
  if (!/^https?:\/\//i.test(text) && url.port === '') url.port = '11434';
  return url.origin + url.pathname.replace(/\/+$/, '');
}

async function callOllama(
  connection: OllamaConnection,
  wire: { endpoint: string; body: string },
  options: CallOptions,
): Promise<Outcome> {
  const action = `ollama: POST ${wire.endpoint}`;
  return callOnce(
    {
      action,
      connection: { send: connection.send, redact },
      url: connection.host + wire.endpoint,
      headers: {},
      body: wire.body,
      outcomeOfAnswer: outcomeOfOllamaAnswer,
      outcomeOfRefusal: (answer) => outcomeOfRefusal(action, answer, wire.body),
      errorOf: (error) => (isOffpeakError(error) ? error : unreachable(connection, error)),
    },
    options,
  );
}

/** There are no accounts, but there may be a proxy with a key before it. */
function outcomeOfRefusal(action: string, { status, header, text }: TextAnswer, body: string): Outcome {
  if (status === 401 || status === 403) {
    throw new OffpeakError(`${action}: HTTP ${status}: ${redact(text)}`, { code: 'auth' });
  }
  return withPause(outcomeOfOllamaFault(status, text, textOf(parseRecord(body)?.model)), retryAfterMs(header));
}

async function checkOllama(connection: OllamaConnection, signal?: AbortSignal): Promise<ProviderCheck> {
  const action = `ollama: list models at ${connection.host}`;
  let answer: TextAnswer;
  try {
    const request = { method: 'GET', url: `${connection.host}/api/tags`, headers: {} } as const;
    answer = await exchangeText(connection.send, request, {
      replyMs: checkTimeoutMs,
      maxBytes: longestListing,
      signal,
    });
  } catch (error) {
    throw signal?.aborted ? aborted(action) : unreachable(connection, error);
  }
  const models = answer.status === 200 ? parseRecord(answer.text)?.models : undefined;
  if (!Array.isArray(models)) {
    throw new OffpeakError(`${action}: HTTP ${answer.status}: ${redact(answer.text)}; is this an Ollama server?`, {
      code: 'bad_answer',
      retryable: answer.status >= 500,
    });
  }
  return { address: connection.host, detail: `reachable, ${arrayOf(models).length} models` };
}

function unreachable({ host }: OllamaConnection, error: unknown): OffpeakError {
  return unavailable(`Ollama does not answer at ${host} (${messageOf(error)})`, 'start it with `ollama serve`');
}
