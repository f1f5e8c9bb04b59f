/**
 * The one error type of the house. `code` says what kind it is, `retryable` whether trying again later may help;
 * the message says what happened, to what, and what to do next. Never put a secret or a prompt into a message.
 */

export type ErrorCode =
  /** The caller asked for something that makes no sense: wrong flag, unknown option, bad value. */
  | 'usage'
  /** The configuration file or the environment is wrong. */
  | 'config'
  /** A run, batch, job or file that was named does not exist. */
  | 'not_found'
  /** The same idempotency key or name with another content; a stale lease. */
  | 'conflict'
  | 'store_locked'
  | 'store_full'
  | 'store_corrupt'
  | 'store_failed'
  /** It was closed, or its thread has ended: whoever needs it opens it again. */
  | 'store_closed'
  /** The provider refuses the key or the account (401, 403). */
  | 'auth'
  /** The account has no money or quota left; waiting does not help. */
  | 'quota'
  | 'rate_limited'
  /** The account's queue of batches is full; nothing was created. Room comes back when a batch ends. */
  | 'no_room'
  /** Connection refused, reset, time-out, 5xx: the provider cannot be reached now. */
  | 'unavailable'
  /** The provider has no batch API at the address (404): realtime is the way on. */
  | 'batch_unavailable'
  /** A thing just made is not visible at the provider yet; ask again soon. */
  | 'not_ready'
  /** The provider understood and said no; nothing was created. */
  | 'rejected'
  /** The reply was lost: the thing may or may not have been created. Reconcile, never repeat. */
  | 'outcome_unknown'
  /** The answer is not what the contract says. */
  | 'bad_answer'
  | 'aborted'
  | 'internal';

export interface OffpeakErrorOptions {
  code: ErrorCode;
  /** Whether the same call may succeed later without a change. */
  retryable?: boolean;
  /** How long the other side asked us to wait, in milliseconds. */
  retryAfterMs?: number;
  /** With `no_room`: the limit that the provider names. */
  limit?: number;
  cause?: unknown;
}

export class OffpeakError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly limit: number | undefined;

  constructor(message: string, options: OffpeakErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OffpeakError';
    this.code = options.code;
    this.retryable = options.retryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.limit = options.limit;
  }
}

export function isOffpeakError(error: unknown, ...codes: ErrorCode[]): error is OffpeakError {
  return error instanceof OffpeakError && (codes.length === 0 || codes.includes(error.code));
}

/** Whether it is our error with one of these codes; says nothing about the type, so the other branch keeps it. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): boolean {
  return error instanceof OffpeakError && codes.includes(error.code);
}

/** The words of any thrown value, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
