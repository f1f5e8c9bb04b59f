import { errorOfExchange } from '../exchange-error.ts';
import { exchangeText } from '../exchange-text.ts';
import { type JsonRecord, parseRecord } from '../json-values.ts';
import { checkApiKey, type ProviderConnection, type TransferTimeouts } from '../provider-connection.ts';
import { createRedact } from '../redact.ts';
import { isSuccess, type TextAnswer } from '../send-http.ts';
import { type AnthropicFault, badAnswer, errorOfFault, faultOfBody } from './anthropic-error.ts';

export interface AnthropicConnection extends ProviderConnection {
  timeouts: AnthropicTimeouts;
  headers(version?: string): Record<string, string>;
}

export interface AnthropicTimeouts extends TransferTimeouts {
  /**
   * Longest wait for the answer to the create of a batch, and long: giving up on it costs hours, because only the results
   * of an ended batch tell whether it was ours.
   */
  createReplyMs: number;
}

export type AnthropicConnectionOptions = Omit<AnthropicConnection, 'redact' | 'headers'> & {
  apiKey: string | undefined;
  workspace: string | undefined;
};

/** The newest contract, and the last one that takes `temperature`, `top_p` and `top_k` (contracts, Anthropic 2.1). */
export const newVersion = '2026-10-21';
export const oldVersion = '2023-06-01';

export function createConnection(options: AnthropicConnectionOptions): AnthropicConnection {
  const { apiKey, workspace, ...connection } = options;
  const { name, baseUrl } = connection;
  return {
    ...connection,
    redact: createRedact(apiKey),
    headers(version = newVersion) {
      checkApiKey(name, apiKey, 'ANTHROPIC_API_KEY', new URL(baseUrl).hostname === 'api.anthropic.com');
      const sent: Record<string, string> = { 'user-agent': 'offpeak', 'anthropic-version': version };
      if (apiKey) sent['x-api-key'] = apiKey;
      if (workspace) sent['anthropic-workspace-id'] = workspace;
      return sent;
    },
  };
}

export interface ControlRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Behind the base URL. */
  path: string;
  signal?: AbortSignal | undefined;
}

export interface ControlAnswer {
  /** Absent: a 2xx. */
  fault?: AnthropicFault;
  /** The body of a 2xx, as far as it is a JSON object. */
  body?: JsonRecord;
}

/** A control answer is a page of 1,000 batches at most. */
const longestControlAnswer = 16 * 1024 * 1024;

/** One exchange, its answer read to the end within the reply's time limit. A refusal is returned, a broken line thrown. */
export async function exchange(
  connection: AnthropicConnection,
  action: string,
  request: ControlRequest,
): Promise<ControlAnswer> {
  const { method, path, signal } = request;
  const { send, baseUrl, redact, timeouts } = connection;
  const sent = { method, url: baseUrl + path, headers: connection.headers() };
  let answer: TextAnswer;
  try {
    answer = await exchangeText(send, sent, { replyMs: timeouts.replyMs, maxBytes: longestControlAnswer, signal });
  } catch (error) {
    throw errorOfExchange(action, error, redact, signal);
  }
  if (!isSuccess(answer.status)) return { fault: faultOfBody(answer, redact) };
  const body = parseRecord(answer.text);
  return body ? { body } : {};
}

/** As `exchange`, but a refusal is thrown in our words, and the answer is a JSON object. */
export async function exchangeJson(
  connection: AnthropicConnection,
  action: string,
  request: ControlRequest,
): Promise<JsonRecord> {
  const { fault, body } = await exchange(connection, action, request);
  if (fault) throw errorOfFault(action, fault);
  if (!body) throw badAnswer(action, 'no JSON object');
  return body;
}
