import { type ErrorCode, isOffpeakError, messageOf, OffpeakError } from '../../errors.ts';
import { type JsonRecord, parseRecord, recordOf, textOf } from '../json-values.ts';
import { retryAfterMs } from '../retry-after.ts';
import { HttpFailure } from '../send-http.ts';

/** A refusal over HTTP in the provider's words. */
export interface OpenAIFault {
  status: number;
  code?: string;
  message: string;
  retryAfterMs?: number;
}

/** `{"error": {message, type, code}}`, `{"error": "text"}`, `{"message": ...}`, or a page of a proxy in between. */
export function faultOfBody(
  status: number,
  header: (name: string) => string | undefined,
  text: string,
  redact: (words: string) => string,
): OpenAIFault {
  const body = parseRecord(text);
  const error = recordOf(body?.error) ?? body;
  const words = textOf(error?.message) ?? textOf(body?.error) ?? textOf(body?.detail) ?? text;
  const fault: OpenAIFault = { status, message: redact(words) || 'no words' };
  const code = codeOfError(error);
  if (code) fault.code = code;
  const pause = retryAfterMs(header);
  if (pause !== undefined) fault.retryAfterMs = pause;
  return fault;
}

/** The fault inside an error of the SDK, known by its shape so that the SDK need not be loaded to look. */
export function faultOfSdkError(error: unknown, redact: (words: string) => string): OpenAIFault | undefined {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  const headers = 'headers' in error && error.headers instanceof Headers ? error.headers : undefined;
  const inner = 'error' in error ? error.error : undefined;
  const text = inner === undefined ? error.message.replace(/^\d{3} /, '') : JSON.stringify({ error: inner });
  return faultOfBody(error.status, (name) => headers?.get(name) ?? undefined, text, redact);
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

/** 408, 409, 429, 5xx, and 0, which OpenAI's result files hold for rows that broke off. */
export function isRetryableStatus(status: number): boolean {
  return status === 0 || status === 408 || status === 409 || status === 429 || status >= 500;
}

/** The kind of a refusal wherever the path itself has no say in it (404 and the create have their own rules). */
export function kindOfFault(fault: OpenAIFault): ErrorCode {
  if (isQuotaFault(fault)) return 'quota';
  if (fault.status === 401 || fault.status === 403) return 'auth';
  if (fault.status === 429) return 'rate_limited';
  return isRetryableStatus(fault.status) ? 'unavailable' : 'rejected';
}

const retryableKinds: readonly ErrorCode[] = ['rate_limited', 'unavailable', 'not_ready', 'bad_answer'];

const remedies: Partial<Record<ErrorCode, string>> = {
  auth: 'check the API key and its permissions',
  quota: 'waiting does not help: add money or raise the limit of the account',
};

/** Names what was asked, where, and what to do; carries no cause, because the SDK's errors hold the answer as it came. */
export function errorOfFault(action: string, fault: OpenAIFault, kind: ErrorCode = kindOfFault(fault)): OffpeakError {
  const redirected = fault.status >= 300 && fault.status < 400;
  const words = redirected ? 'a redirect, which is never followed: check the base URL' : fault.message;
  const code = fault.code ? `, ${fault.code}` : '';
  const remedy = remedies[kind] ? `; ${remedies[kind]}` : '';
  const options = { code: kind, retryable: retryableKinds.includes(kind) };
  return new OffpeakError(
    `${action}: HTTP ${fault.status}${code}: ${words}${remedy}`,
    fault.retryAfterMs === undefined ? options : { ...options, retryAfterMs: fault.retryAfterMs },
  );
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
  if (signal?.aborted) return new OffpeakError(`${action}: aborted`, { code: 'aborted', retryable: true });
  const fault = faultOfSdkError(error, redact);
  if (fault) return errorOfFault(action, fault);
  if (error instanceof SyntaxError) return badAnswer(action, 'no JSON');
  const failure = httpFailureOf(error);
  const words = redact(messageOf(failure ?? error));
  // The SDK's own time-out is an error with an empty `status`. Anything else is no fault of the line: waiting on a
  // mistake of ours, or of the store whose rows are sent, would never end.
  const ofTheLine = failure !== undefined || (error instanceof Error && 'status' in error);
  if (ofTheLine) return new OffpeakError(`${action}: ${words}`, { code: 'unavailable', retryable: true });
  return new OffpeakError(`${action}: ${words}`, { code: 'internal', cause: error });
}

export function badAnswer(action: string, what: string): OffpeakError {
  return new OffpeakError(
    `${action}: the answer is not what the API promises (${what}); is the base URL that of an OpenAI API?`,
    { code: 'bad_answer', retryable: true },
  );
}
