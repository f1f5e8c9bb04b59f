import type { ErrorCode, OffpeakError } from '../../errors.ts';
import { type Failure, failure } from '../answer-outcome.ts';
import { createBadAnswer, errorOfHttpFault, type HttpFault, httpFault } from '../exchange-error.ts';
import { parseRecord, recordOf, textOf } from '../json-values.ts';
import type { TextAnswer } from '../send-http.ts';

/** A refusal over HTTP in the provider's words. */
export interface AnthropicFault extends HttpFault {
  /** `error.type`, for example `rate_limit_error`. */
  type?: string;
  /** `error.details.error_code`, for example `enforced_spend_limit_reached`. */
  detail?: string;
}

/** `{"type":"error","error":{type,message,details}}`, a bare error, or a page of a proxy in between. */
export function faultOfBody(answer: TextAnswer, redact: (words: string) => string): AnthropicFault {
  const body = parseRecord(answer.text);
  const error = recordOf(body?.error) ?? body;
  const words = textOf(error?.message) ?? textOf(body?.error) ?? answer.text;
  const fault: AnthropicFault = httpFault(answer, words, redact);
  const type = textOf(error?.type);
  if (type && type !== 'error') fault.type = redact(type);
  const detail = textOf(recordOf(error?.details)?.error_code);
  if (detail) fault.detail = redact(detail);
  return fault;
}

/**
 * The one table from Anthropic's words to ours: error types, and the stop reasons of an answer without text. What is the
 * account's fault, or has no word of ours, keeps Anthropic's.
 */
const failures: ReadonlyMap<string, Failure> = new Map([
  ['invalid_request_error', failure('invalid_request', false)],
  ['not_found_error', failure('invalid_request', false)],
  ['request_too_large', failure('too_large', false)],
  ['authentication_error', { code: 'authentication_error', retryable: false }],
  ['permission_error', { code: 'permission_error', retryable: false }],
  ['billing_error', { code: 'billing_error', retryable: false }],
  ['conflict_error', { code: 'conflict_error', retryable: true }],
  ['rate_limit_error', failure('rate_limited', true)],
  ['overloaded_error', failure('overloaded', true)],
  ['api_error', failure('overloaded', true)],
  ['timeout_error', failure('timeout', true)],
  ['refusal', failure('refused', false)],
  ['max_tokens', failure('truncated', false)],
  ['model_context_window_exceeded', failure('truncated', false)],
]);

const typeOfStatus: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  409: 'conflict_error',
  413: 'request_too_large',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
};

/** What a word means for a row; one that is not in the table is kept as it came, and the status decides. */
export function failureOf(word: string | undefined, status = 0): Failure {
  const known = word === undefined ? undefined : failures.get(word);
  if (known) return known;
  const byStatus = failures.get(typeOfStatus[status] ?? (status >= 500 ? 'api_error' : ''));
  if (byStatus) return word === undefined ? byStatus : { code: word, retryable: byStatus.retryable };
  return { code: word ?? (status === 0 ? 'unknown' : `http_${status}`), retryable: false };
}

// A 400 of the API can be the account's: limits that its owner set, no credit, an organization on hold. Such words do
// not begin with the path of a field, as the words about a request do.
const quotaWords = /\b(credit balance|spend(ing)? limit|usage limits?|on hold)\b/i;
const fieldPath = /^[\w.[\]-]+: /;

export function isQuotaFault(fault: AnthropicFault): boolean {
  if (fault.status === 402 || fault.type === 'billing_error') return true;
  if (/_spend_limit_reached$/.test(fault.detail ?? '')) return true;
  const canBeTheAccount = fault.status === 400 || fault.status === 403;
  return canBeTheAccount && quotaWords.test(fault.message) && !fieldPath.test(fault.message);
}

/** The kind of a refusal wherever the path itself has no say in it (404 and the create have their own rules). */
export function kindOfFault(fault: AnthropicFault): ErrorCode {
  if (isQuotaFault(fault)) return 'quota';
  if (fault.status === 401 || fault.status === 403) return 'auth';
  if (fault.status === 429) return 'rate_limited';
  return fault.status === 408 || fault.status === 409 || fault.status >= 500 ? 'unavailable' : 'rejected';
}

const remedies: Partial<Record<ErrorCode, string>> = {
  auth: 'check the API key, its workspace and its permissions',
  quota: 'waiting does not help: add credit or raise the limit of the account',
};

export function errorOfFault(
  action: string,
  fault: AnthropicFault,
  kind: ErrorCode = kindOfFault(fault),
  limit?: number,
): OffpeakError {
  return errorOfHttpFault(action, fault, { kind, label: fault.type ? `, ${fault.type}` : '', remedies, limit });
}

export const badAnswer = createBadAnswer('an Anthropic API');
