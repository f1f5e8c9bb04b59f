import { type ErrorCode, isOffpeakError, messageOf, type OffpeakError } from '../../errors.ts';
import {
  createBadAnswer,
  errorOfHttpFault,
  errorOfExchange as errorOfTransport,
  type HttpFault,
  httpFault,
  unavailable,
} from '../exchange-error.ts';
import { type JsonRecord, parseRecord, recordOf, textOf } from '../json-values.ts';
import { HttpFailure, type TextAnswer } from '../send-http.ts';
import { isRetryableStatus } from './openai-failures.ts';

/** A refusal over HTTP in the provider's words. */
export interface OpenAIFault extends HttpFault {
  /** Its `code`, else its `type`. */
  code?: string;
  type?: string;
}

/** `{"error": {message, type, code}}`, `{"error": "text"}`, `{"message": ...}`, or a page of a proxy in between. */
export function faultOfBody(answer: TextAnswer, redact: (words: string) => string): OpenAIFault {
  const body = parseRecord(answer.text);
  const error = recordOf(body?.error) ?? body;
  const words = textOf(error?.message) ?? textOf(body?.error) ?? textOf(body?.detail) ?? answer.text;
  const fault: OpenAIFault = httpFault(answer, words, redact);
  const code = codeOfError(error);
  if (code) fault.code = code;
  const type = textOf(error?.type);
  if (type) fault.type = type;
  return fault;
}

/** The fault inside an error of the SDK, known by its shape so that the SDK need not be loaded to look. */
export function faultOfSdkError(error: unknown, redact: (words: string) => string): OpenAIFault | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  const headers = 'headers' in error && error.headers instanceof Headers ? error.headers : undefined;
  const inner = 'error' in error ? error.error : undefined;
  const text = inner === undefined ? error.message.replace(/^\d{3} /, '') : JSON.stringify({ error: inner });
  return faultOfBody({ status: error.status, header: (name) => headers?.get(name) ?? undefined, text }, redact);
}

/** `code`, else `type`; vLLM and others write a number. */
export function codeOfError(error: JsonRecord | undefined): string | undefined {
  const code = error?.code;
  return typeof code === 'number' ? String(code) : (textOf(code) ?? textOf(error?.type));
}

const quotaCodes = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active']);
// Narrow on purpose: a plain rate limit also names a page ".../account/billing".
const quotaWords =
  /exceeded your current quota|billing hard limit|billing details|account is not active|insufficient (balance|credit|fund)/i;

export function isQuotaFault(fault: OpenAIFault): boolean {
  if (fault.status === 402 || quotaCodes.has(fault.code ?? '')) return true;
  if (fault.code === 'rate_limit_exceeded') return false;
  return (fault.status === 429 || fault.status === 403) && quotaWords.test(fault.message);
}

/** The limit on enqueued tokens, which is nowhere told but in the words of a refusal. */
export function enqueuedLimitIn(message: string): number | undefined {
  const digits = /Limit: ([\d,]+) enqueued tokens/i.exec(message)?.[1]?.replaceAll(',', '');
  const limit = Number(digits);
  return digits && Number.isSafeInteger(limit) && limit > 0 ? limit : undefined;
}

/** xAI's words for a model that it only answers in realtime. */
export function isNotBatched(message: string): boolean {
  return /model \S+ is not supported for batch/i.test(message);
}

/** xAI answers 400 to a key that is none. */
export function isKeyRefused(fault: OpenAIFault): boolean {
  return fault.status === 401 || (fault.status === 400 && /^incorrect api key/i.test(fault.message));
}

/** The kind of a refusal wherever the path itself has no say in it (404 and the create have their own rules). */
export function kindOfFault(fault: OpenAIFault): ErrorCode {
  if (fault.code === 'token_limit_exceeded') return 'no_room';
  if (isQuotaFault(fault)) return 'quota';
  if (isKeyRefused(fault) || fault.status === 403) return 'auth';
  if (fault.status === 429) return 'rate_limited';
  return isRetryableStatus(fault.status) ? 'unavailable' : 'rejected';
}

const remedies: Partial<Record<ErrorCode, string>> = {
  auth: 'check the API key and its permissions',
  quota: 'waiting does not help: add money or raise the limit of the account',
};

/** Also of the SDK's errors, which hold the answer as it came and are never a cause. */
export function errorOfFault(action: string, fault: OpenAIFault, kind: ErrorCode = kindOfFault(fault)): OffpeakError {
  const label = fault.code ? `, ${fault.code}` : '';
  const limit = kind === 'no_room' ? enqueuedLimitIn(fault.message) : undefined;
  return errorOfHttpFault(action, fault, { kind, label, remedies, limit });
}

/** The failure of the line itself, found anywhere in the chain of causes. */
export function httpFailureOf(error: unknown): HttpFailure | undefined {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    if (current instanceof HttpFailure) return current;
    current = current.cause;
  }
  return undefined;
}

/** What an exchange other than the create threw, in our words. */
export function errorOfExchange(
  action: string,
  error: unknown,
  redact: (words: string) => string,
  signal?: AbortSignal,
): OffpeakError {
  if (isOffpeakError(error)) return error;
  const failure = httpFailureOf(error);
  if (!signal?.aborted) {
    const fault = faultOfSdkError(error, redact);
    if (fault) return errorOfFault(action, fault);
    if (error instanceof SyntaxError) return badAnswer(action, 'no JSON');
    // The SDK's own time-out is an error with an empty `status`.
    const isTimeout = failure === undefined && error instanceof Error && 'status' in error;
    if (isTimeout) return unavailable(action, redact(messageOf(error)));
  }
  return errorOfTransport(action, failure ?? error, redact, signal);
}

export const badAnswer = createBadAnswer('an OpenAI API');
