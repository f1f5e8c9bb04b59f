import { type Failure, failure } from '../answer-outcome.ts';
import { arrayOf, type JsonRecord, recordOf, textOf } from '../json-values.ts';
import { parseGoDuration } from '../retry-after.ts';

/** The status words of google.rpc; the code of a status is the place of its word. */
const words = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

const wordsOfHttp: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  413: 'TOO_LARGE',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** The one table from Google's words to ours: of statuses, finish reasons and block reasons. */
const failures: ReadonlyMap<string, Failure> = new Map([
  ['INVALID_ARGUMENT', failure('invalid_request', false)],
  ['NOT_FOUND', failure('invalid_request', false)],
  ['ALREADY_EXISTS', failure('invalid_request', false)],
  ['PERMISSION_DENIED', failure('invalid_request', false)],
  ['UNAUTHENTICATED', failure('invalid_request', false)],
  ['FAILED_PRECONDITION', failure('invalid_request', false)],
  ['OUT_OF_RANGE', failure('invalid_request', false)],
  ['UNIMPLEMENTED', failure('invalid_request', false)],
  ['TOO_LARGE', failure('too_large', false)],
  ['RESOURCE_EXHAUSTED', failure('rate_limited', true)],
  ['DEADLINE_EXCEEDED', failure('timeout', true)],
  ['UNKNOWN', failure('overloaded', true)],
  ['ABORTED', failure('overloaded', true)],
  ['INTERNAL', failure('overloaded', true)],
  ['UNAVAILABLE', failure('overloaded', true)],
  ['DATA_LOSS', failure('overloaded', true)],
  ['SAFETY', failure('blocked', false)],
  ['RECITATION', failure('blocked', false)],
  ['PROHIBITED_CONTENT', failure('blocked', false)],
  ['BLOCKLIST', failure('blocked', false)],
  ['SPII', failure('blocked', false)],
  ['LANGUAGE', failure('blocked', false)],
  ['IMAGE_SAFETY', failure('blocked', false)],
  ['IMAGE_PROHIBITED_CONTENT', failure('blocked', false)],
  ['IMAGE_RECITATION', failure('blocked', false)],
  ['MAX_TOKENS', failure('truncated', false)],
  // What the model makes a mess of once, it may do well the next time.
  ['STOP', failure('empty_answer', true)],
  ['OTHER', failure('empty_answer', true)],
  ['MALFORMED_FUNCTION_CALL', failure('empty_answer', true)],
  ['UNEXPECTED_TOOL_CALL', failure('empty_answer', true)],
]);

/** A word that is not in the table is kept as it came. */
export function failureOf(word: string): Failure {
  return failures.get(word) ?? { code: word, retryable: false };
}

/** Whether a finish reason means that the answer was held back, also when some of it is there. */
export function isBlocked(finishReason: string): boolean {
  return failures.get(finishReason)?.code === 'blocked';
}

/** The status word of `{code, message, status}`; the code is one of google.rpc or of HTTP. */
export function statusWordOf(status: JsonRecord | undefined): string | undefined {
  const word = textOf(status?.status);
  if (word && /^[A-Z_]+$/.test(word)) return word;
  const code = status?.code;
  if (typeof code === 'number') return wordOfCode(code);
  const text = textOf(code);
  return text && /^\d+$/.test(text) ? wordOfCode(Number(text)) : text;
}

function wordOfCode(code: number): string {
  if (code < words.length) return words[code] ?? String(code);
  return wordOfHttpStatus(code);
}

export function wordOfHttpStatus(status: number): string {
  return wordsOfHttp[status] ?? (status >= 500 ? 'UNAVAILABLE' : `HTTP_${status}`);
}

/** What stands in the `details` of a status: how long to wait, which quota is used up, and why the key is refused. */
export interface StatusDetails {
  retryDelayMs?: number;
  reason?: string;
  /** Names of the quotas that were exceeded. */
  quota: string;
  /** The value of the first quota that counts tokens. */
  quotaTokens?: number;
}

/** Longest pause that is believed, as in `retry-after.ts`. */
const longestPauseMs = 5 * 60_000;

export function detailsOf(status: JsonRecord | undefined): StatusDetails {
  const details: StatusDetails = { quota: '' };
  for (const value of arrayOf(status?.details)) {
    const detail = recordOf(value);
    const delay = parseGoDuration(textOf(detail?.retryDelay));
    if (delay !== undefined) details.retryDelayMs = Math.min(Math.ceil(delay), longestPauseMs);
    const reason = textOf(detail?.reason);
    if (reason) details.reason = reason;
    for (const entry of arrayOf(detail?.violations)) {
      const violation = recordOf(entry);
      const names = [violation?.quotaMetric, violation?.quotaId, violation?.subject, violation?.description];
      const quota = names.flatMap((name) => textOf(name) ?? []).join(' ');
      details.quota = `${details.quota} ${quota}`.trim();
      const tokens = Number(violation?.quotaValue);
      if (/token/i.test(quota) && tokens > 0) details.quotaTokens ??= tokens;
    }
  }
  return details;
}
