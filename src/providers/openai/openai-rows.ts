import type { Outcome } from '../../outcome.ts';
import type { ResultLine } from '../../provider.ts';
import { type JsonRecord, parseRecord, recordOf, textOf } from '../json-values.ts';
import { outcomeOfAnswer } from './openai-answers.ts';
import { codeOfError, isRetryableStatus } from './openai-error.ts';

/**
 * One line of an output or error file. Hand-written and without a schema library: a batch holds 50,000 of them, and the
 * JSON parse alone should be the cost.
 */
export function readResultLine(text: string): ResultLine {
  const raw = firstBytes(text);
  // A byte order mark before the first line is no part of its JSON.
  const row = parseRecord(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  const customId = row ? row.custom_id : undefined;
  if (!row || typeof customId !== 'string') {
    const what = row ? 'has no custom_id' : 'is not JSON';
    return { outcome: malformed(`the result line ${what}`), raw };
  }
  return { customId, outcome: outcomeOfRow(row), raw };
}

export function readTooLongLine(head: string, bytes: number): ResultLine {
  return { outcome: malformed(`the result line has ${bytes} bytes, more than can be read`), raw: firstBytes(head) };
}

function outcomeOfRow(row: JsonRecord): Outcome {
  const response = recordOf(row.response);
  if (row.error !== null && row.error !== undefined) return outcomeOfRowError(row.error);
  if (!response) return malformed('the result line has neither response nor error');
  const status = typeof response.status_code === 'number' ? response.status_code : 0;
  const body = recordOf(response.body);
  if (status >= 200 && status <= 299) {
    return body ? outcomeOfAnswer(body) : malformed('the answer has no body');
  }
  const error = recordOf(body?.error) ?? body;
  return failedWithStatus(status, codeOfError(error), textOf(error?.message) ?? textOf(body?.error));
}

/** A refusal of one request by its HTTP status, in a batch as in realtime. */
export function failedWithStatus(status: number, code: string | undefined, message: string | undefined): Outcome {
  return {
    type: 'failed',
    code: code ?? `http_${status}`,
    message: (message ?? `HTTP ${status}`).slice(0, longestMessage),
    retryable: isRetryableStatus(status) && code !== 'insufficient_quota',
  };
}

const longestMessage = 2000;
const passingCodes = /server_error|internal|rate_limit|overloaded|unavailable|time_?out/i;

/** The row never reached the model, or not its end. vLLM and others write the HTTP status as `code`. */
function outcomeOfRowError(value: unknown): Outcome {
  const error = recordOf(value);
  const code = codeOfError(error) ?? 'unknown';
  const message = (textOf(error?.message) ?? textOf(value) ?? code).slice(0, longestMessage);
  if (code === 'batch_expired') return { type: 'expired', message };
  if (code === 'batch_cancelled' || code === 'batch_canceled') return { type: 'cancelled', message };
  const retryable = /^\d+$/.test(code) ? isRetryableStatus(Number(code)) : passingCodes.test(code);
  return { type: 'failed', code, message, retryable };
}

function malformed(message: string): Outcome {
  return { type: 'failed', code: 'malformed', message, retryable: true };
}

const keptBytes = 64 * 1024;

/** At most 64 KiB of the line, copied, so that a line of 200 MB is not held alive by a slice of it. */
function firstBytes(text: string): string {
  if (text.length * 3 <= keptBytes) return text;
  if (text.length <= keptBytes && Buffer.byteLength(text) <= keptBytes) return text;
  const bytes = Buffer.from(text.slice(0, keptBytes));
  let end = Math.min(bytes.length, keptBytes);
  // Not in the middle of a character: 10xxxxxx continues one.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
