import type { FailedOutcome, FailureCode, Outcome, SucceededOutcome } from '../../outcome.ts';
import type { Usage } from '../../usage.ts';
import { failedAnswer, longestMessage, succeededAnswer, truncatedWords } from '../answer-outcome.ts';
import { arrayOf, countOf, type JsonRecord, parseRecord, recordOf, textOf } from '../json-values.ts';

/** A 200 of `/api/chat`, `/api/generate` or `/api/embed`. */
export function outcomeOfOllamaAnswer(body: JsonRecord, exactText: string): Outcome {
  const error = textOf(body.error);
  if (error) return failed(body, 'overloaded', error, true);
  if (Array.isArray(body.embeddings)) {
    const [first, ...others] = arrayOf(body.embeddings);
    if (!Array.isArray(first) || first.length === 0) return failed(body, 'empty_answer', 'the answer is empty', true);
    return succeeded(body, JSON.stringify(others.length === 0 ? first : body.embeddings), undefined);
  }
  // A model that is still answering, or a server that streams all the same.
  if (body.done === false) return failed(body, 'malformed', 'the answer is not finished', true);
  const message = recordOf(body.message);
  const text = message ? message.content : body.response;
  if (message && arrayOf(message.tool_calls).length > 0) {
    const output = typeof text === 'string' && /\S/.test(text) ? text : JSON.stringify(message);
    return { ...succeeded(body, output, textOf(body.done_reason)), response: exactText };
  }
  if (typeof text !== 'string') return failed(body, 'malformed', 'the answer holds no message', true);
  if (/\S/.test(text)) {
    const outcome = succeeded(body, text, textOf(body.done_reason));
    // `/api/generate` is only ever a native request, whose whole answer is kept.
    return message ? outcome : { ...outcome, response: exactText };
  }
  if (body.done_reason === 'length') return failed(body, 'truncated', truncatedWords, false);
  return failed(body, 'empty_answer', 'the answer is empty', true);
}

/** `{"error": "model 'x' not found"}`. */
export function outcomeOfOllamaFault(status: number, text: string, model: string | undefined): FailedOutcome {
  const error = parseRecord(text)?.error;
  const words = textOf(error) ?? textOf(recordOf(error)?.message) ?? `HTTP ${status}`;
  if (status === 404 && /model/i.test(words)) {
    const message = `${words}: get it with \`ollama pull ${model ?? '<model>'}\``;
    return { type: 'failed', code: 'invalid_request', message, retryable: false };
  }
  const retryable = status === 408 || status === 429 || status >= 500;
  return { type: 'failed', code: codeOfStatus(status), message: words.slice(0, longestMessage), retryable };
}

/** Ollama names no codes: its statuses are all there is to tell failures apart. */
function codeOfStatus(status: number): FailureCode {
  const named: Readonly<Record<number, FailureCode>> = {
    408: 'timeout',
    413: 'too_large',
    429: 'rate_limited',
    504: 'timeout',
  };
  return named[status] ?? (status >= 500 ? 'overloaded' : 'invalid_request');
}

function usageOf(body: JsonRecord): Usage | undefined {
  const inputTokens = countOf(body.prompt_eval_count);
  const outputTokens = countOf(body.eval_count);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  // A prompt that is still in the cache is not counted again.
  return { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0 };
}

function succeeded(body: JsonRecord, output: string, finishReason: string | undefined): SucceededOutcome {
  return succeededAnswer(usageOf(body), output, finishReason, undefined);
}

function failed(body: JsonRecord, code: FailureCode, message: string, retryable: boolean): FailedOutcome {
  return failedAnswer(usageOf(body), { code, retryable }, message);
}
