import { type ErrorCode, messageOf, OffpeakError } from '../../errors.ts';

/** What the caller and the thread of a store say to each other; all of it can be cloned. */

export type PortName = 'store' | 'service' | 'views' | 'settings' | 'packed';

/** With what the thread opens the store. */
export interface ThreadOptions {
  path: string;
  owner: string;
  busyTimeoutMs?: number;
  /** Keep compiled modules on disk, where this process does: read again, ours take 60 ms instead of 260. */
  compileCache?: boolean;
}

export interface Call {
  id: number;
  port: PortName;
  method: string;
  args: readonly unknown[];
}

export type Answer =
  /** The first: the names of the calls of each port. */
  | { type: 'opened'; methods: Readonly<Record<PortName, readonly string[]>> }
  | { type: 'not_opened'; error: PlainError }
  | { type: 'value'; id: number; value: unknown }
  | { type: 'error'; id: number; error: PlainError };

/** An error as data: a clone would be no `OffpeakError` any more. */
export interface PlainError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  /** Where it was thrown, or what it comes from. */
  stack: string;
}

export function plainError(error: unknown): PlainError {
  const stack = stackOf(error);
  if (!(error instanceof OffpeakError)) return { code: 'internal', message: messageOf(error), retryable: false, stack };
  const { code, message, retryable } = error;
  return { code, message, retryable, stack };
}

function stackOf(error: unknown): string {
  const { stack, cause } = error instanceof Error ? error : {};
  return cause === undefined ? (stack ?? String(error)) : stackOf(cause);
}

export function fromPlain({ code, message, retryable, stack }: PlainError): OffpeakError {
  return new OffpeakError(message, { code, retryable, cause: Object.assign(new Error(message), { stack }) });
}
