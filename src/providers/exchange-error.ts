import { type ErrorCode, isOffpeakError, messageOf, OffpeakError, type OffpeakErrorOptions } from '../errors.ts';
import { retryAfterMs } from './retry-after.ts';
import { type HttpAnswer, HttpFailure } from './send-http.ts';

/** What an exchange other than the create threw, in our words. */
export function errorOfExchange(
  action: string,
  error: unknown,
  redact: (words: string) => string,
  signal?: AbortSignal,
): OffpeakError {
  if (isOffpeakError(error)) return error;
  if (signal?.aborted) return aborted(action);
  const words = redact(messageOf(error));
  if (error instanceof HttpFailure) return unavailable(action, words);
  // No fault of the line: waiting on a mistake of ours, or of the store whose rows are sent, would never end.
  return new OffpeakError(`${action}: ${words}`, { code: 'internal', cause: error });
}

export function aborted(action: string): OffpeakError {
  return new OffpeakError(`${action}: aborted`, { code: 'aborted', retryable: true });
}

export function unavailable(action: string, words: string): OffpeakError {
  return new OffpeakError(`${action}: ${words}`, { code: 'unavailable', retryable: true });
}

/** Of a create, when nothing proves that nothing was made. */
export function outcomeUnknown(action: string, words: string): OffpeakError {
  return new OffpeakError(`${action}: the reply was lost (${words}); whether the batch exists must be looked up`, {
    code: 'outcome_unknown',
  });
}

/** Under other rights the same batch is not found either: the account belongs into the message. */
export function batchNotFound(
  { name, account }: { name: string; account: string },
  remoteId: string,
  rights = 'key',
): OffpeakError {
  const words = `is not known to the account ${account}; was it made with another ${rights}?`;
  return new OffpeakError(`${name}: batch ${remoteId.slice(0, 200)} ${words}`, { code: 'not_found' });
}

/** For an answer that is no answer of `api`, such as `an OpenAI API`. */
export function createBadAnswer(api: string): (action: string, what: string) => OffpeakError {
  return (action, what) =>
    new OffpeakError(`${action}: the answer is not what the API promises (${what}); is the base URL that of ${api}?`, {
      code: 'bad_answer',
      retryable: true,
    });
}

/** A refusal over HTTP in the provider's words, as far as all providers tell it alike. */
export interface HttpFault {
  status: number;
  message: string;
  /** Absent: the provider did not say when to come back. */
  retryAfterMs?: number;
}

export function httpFault(
  { status, header }: Pick<HttpAnswer, 'status' | 'header'>,
  words: string,
  redact: (words: string) => string,
): HttpFault {
  const fault: HttpFault = { status, message: redact(words) || 'no words' };
  const pause = retryAfterMs(header);
  if (pause !== undefined) fault.retryAfterMs = pause;
  return fault;
}

const retryableKinds: readonly ErrorCode[] = ['rate_limited', 'no_room', 'unavailable', 'not_ready', 'bad_answer'];

/** What an adapter knows of a fault beside its words. */
export interface FaultKind {
  kind: ErrorCode;
  /** Behind the status, such as `, invalid_api_key`; may be empty. */
  label: string;
  /** What to do about each kind. */
  remedies: Readonly<Partial<Record<ErrorCode, string>>>;
  /** With `no_room`: the limit that the provider names. */
  limit?: number | undefined;
}

/** Names what was asked, where, and what to do; carries no cause, which could hold the answer as it came. */
export function errorOfHttpFault(action: string, fault: HttpFault, known: FaultKind): OffpeakError {
  const { kind, label, remedies, limit } = known;
  const redirected = fault.status >= 300 && fault.status < 400;
  const words = redirected ? 'a redirect, which is never followed: check the base URL' : fault.message;
  const remedy = remedies[kind] ? `; ${remedies[kind]}` : '';
  const options: OffpeakErrorOptions = { code: kind, retryable: retryableKinds.includes(kind) };
  if (fault.retryAfterMs !== undefined) options.retryAfterMs = fault.retryAfterMs;
  if (limit !== undefined) options.limit = limit;
  return new OffpeakError(`${action}: HTTP ${fault.status}${label}: ${words}${remedy}`, options);
}
