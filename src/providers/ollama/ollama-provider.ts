import { createHash } from 'node:crypto';
import { isOffpeakError, messageOf, OffpeakError } from '../../errors.ts';
import type { FailedOutcome, Outcome } from '../../outcome.ts';
import type { CallOptions, Provider, ProviderCheck, WireRequest } from '../../provider.ts';
import { arrayOf, parseRecord, textOf } from '../json-values.ts';
import { createRedact } from '../redact.ts';
import { retryAfterMs } from '../retry-after.ts';
import { createSendHttp, HttpFailure, readText, type SendHttp } from '../send-http.ts';
import { createTimeLimit } from '../time-limit.ts';
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
const longestAnswer = 256 * 1024 * 1024;
const checkTimeoutMs = 10_000;

/**
 * Models on one's own machine: no key, no batch API, no cost.
 * @example createOllamaProvider({ host: 'http://gpu.local:11434' })
 */
export function createOllamaProvider(options: OllamaProviderOptions = {}): Provider {
  const host = normaliseHost(options.host ?? 'http://127.0.0.1:11434');
  const connection = { host, send: createSendHttp(options.fetch) };
  const hash = createHash('sha256')
    .update(`${options.scope ?? host}\n`)
    .digest('hex');
  return {
    name: 'ollama',
    account: `ollama:${hash.slice(0, 16)}`,
    simulated: options.simulated ?? false,
    toWire: convertToOllamaRequest,
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

async function callOllama(connection: OllamaConnection, wire: WireRequest, options: CallOptions): Promise<Outcome> {
  const action = `ollama: POST ${wire.endpoint}`;
  const limit = createTimeLimit(options.signal);
  limit.start(options.timeoutMs);
  try {
    const answer = await connection.send({
      method: 'POST',
      url: connection.host + wire.endpoint,
      headers: { 'content-type': 'application/json' },
      body: wire.body,
      signal: limit.signal,
    });
    const text = await readText(answer, longestAnswer);
    if (answer.status === 401 || answer.status === 403) {
      throw new OffpeakError(`${action}: HTTP ${answer.status}: ${redact(text)}`, { code: 'auth' });
    }
    if (answer.status < 200 || answer.status > 299) {
      const outcome = outcomeOfOllamaFault(answer.status, text, textOf(parseRecord(wire.body)?.model));
      const pause = retryAfterMs(answer.header);
      const waits = outcome.type === 'failed' && outcome.retryable && pause !== undefined;
      return waits ? { ...outcome, retryAfterMs: pause } : outcome;
    }
    const body = parseRecord(text);
    return body ? outcomeOfOllamaAnswer(body, text) : failed('malformed', `${action}: the answer is not a JSON object`);
  } catch (error) {
    if (isOffpeakError(error)) throw error;
    if (limit.expired) return failed('timeout', `${action}: no answer within ${options.timeoutMs} ms`);
    if (options.signal.aborted) throw aborted(action);
    if (error instanceof HttpFailure && error.sent) return failed('connection', `${action}: ${messageOf(error)}`);
    throw unreachable(connection, error);
  } finally {
    limit.close();
  }
}

async function checkOllama(connection: OllamaConnection, signal?: AbortSignal): Promise<ProviderCheck> {
  const action = `ollama: list models at ${connection.host}`;
  const limit = createTimeLimit(signal);
  limit.start(checkTimeoutMs);
  try {
    const url = `${connection.host}/api/tags`;
    const answer = await connection.send({ method: 'GET', url, headers: {}, signal: limit.signal });
    const text = await readText(answer, longestAnswer);
    const models = answer.status === 200 ? parseRecord(text)?.models : undefined;
    if (!Array.isArray(models)) {
      throw new OffpeakError(`${action}: HTTP ${answer.status}: ${redact(text)}; is this an Ollama server?`, {
        code: 'bad_answer',
        retryable: answer.status >= 500,
      });
    }
    return { address: connection.host, detail: `reachable, ${arrayOf(models).length} models` };
  } catch (error) {
    if (isOffpeakError(error)) throw error;
    if (signal?.aborted) throw aborted(action);
    throw unreachable(connection, error);
  } finally {
    limit.close();
  }
}

function failed(code: string, message: string): FailedOutcome {
  return { type: 'failed', code, message, retryable: true };
}

function aborted(action: string): OffpeakError {
  return new OffpeakError(`${action}: aborted`, { code: 'aborted', retryable: true });
}

function unreachable(connection: OllamaConnection, error: unknown): OffpeakError {
  return new OffpeakError(
    `Ollama does not answer at ${connection.host} (${messageOf(error)}): start it with \`ollama serve\``,
    { code: 'unavailable', retryable: true },
  );
}
