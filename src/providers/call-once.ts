import { messageOf } from '../errors.ts';
import type { FailedOutcome, FailureCode, Outcome } from '../outcome.ts';
import type { CallOptions } from '../provider.ts';
import { aborted } from './exchange-error.ts';
import { type JsonRecord, parseRecord } from './json-values.ts';
import type { ProviderConnection } from './provider-connection.ts';
import { HttpFailure, isSuccess, readAnswer, type TextAnswer } from './send-http.ts';
import { createTimeLimit } from './time-limit.ts';

const longestAnswer = 256 * 1024 * 1024;

/** A realtime call: what goes out, and how an adapter reads what comes back. */
export interface RealtimeCall {
  /** For messages. */
  action: string;
  connection: Pick<ProviderConnection, 'send' | 'redact'>;
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The exact JSON text. */
  body: string;
  /** Of a 2xx; `text` is the body as it came. */
  outcomeOfAnswer(body: JsonRecord, text: string): Outcome;
  /** Of any other status: the account's fault is thrown, the row's own is returned. */
  outcomeOfRefusal(answer: TextAnswer): Outcome;
  /** Of what was thrown before the provider can have seen the request. */
  errorOf(error: unknown): Error;
}

/** One realtime call. A line that breaks once the request is out is the row's failure: it can have been charged. */
export async function callOnce(call: RealtimeCall, { timeoutMs, signal }: CallOptions): Promise<Outcome> {
  const { action, url, body } = call;
  const { send, redact } = call.connection;
  const headers = { ...call.headers, 'content-type': 'application/json' };
  const limit = createTimeLimit(signal);
  limit.start(timeoutMs);
  try {
    const sent = await send({ method: 'POST', url, headers, body, signal: limit.signal });
    const answer = await readAnswer(sent, longestAnswer);
    if (!isSuccess(answer.status)) return call.outcomeOfRefusal(answer);
    const record = parseRecord(answer.text);
    if (!record) return failed('malformed', `${action}: the answer is not a JSON object`);
    return call.outcomeOfAnswer(record, answer.text);
  } catch (error) {
    if (limit.expired) return failed('timeout', `${action}: no answer within ${timeoutMs} ms`);
    if (signal.aborted) throw aborted(action);
    if (error instanceof HttpFailure && error.sent) {
      return failed('connection', `${action}: ${redact(messageOf(error))}`);
    }
    throw call.errorOf(error);
  } finally {
    limit.close();
  }
}

function failed(code: FailureCode, message: string): FailedOutcome {
  return { type: 'failed', code, message, retryable: true };
}
