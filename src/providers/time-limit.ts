import { HttpFailure } from './send-http.ts';

/**
 * A clock over one exchange that can be wound up again and again: what must not be killed is a slow transfer, what must
 * end is one that stands still. `signal` is aborted by the limit and by the caller's own signal.
 */
export interface TimeLimit {
  readonly signal: AbortSignal;
  /** Whether the limit, and not the caller, ended it. */
  readonly expired: boolean;
  start(ms: number): void;
  stop(): void;
  /** To be called at the end in any case: frees the timer and the caller's signal. */
  close(): void;
}

export function createTimeLimit(outer: AbortSignal | undefined): TimeLimit {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let expired = false;
  let isClosed = false;
  const forward = () => controller.abort(outer?.reason);
  if (outer?.aborted) forward();
  else outer?.addEventListener('abort', forward, { once: true });
  const stop = () => clearTimeout(timer);
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    start(ms) {
      stop();
      // The source of an upload that was answered early may give one more chunk: nobody is left to stop its clock, and
      // the process would not end before it.
      if (isClosed) return;
      // Node turns a delay above 2^31-1 ms into 1 ms.
      timer = setTimeout(expire, Math.min(ms, 2_147_483_647));
    },
    stop,
    close() {
      isClosed = true;
      stop();
      outer?.removeEventListener('abort', forward);
    },
  };

  function expire(): void {
    expired = true;
    controller.abort(new Error('time-out'));
  }
}

/** A transfer under a limit of its own; `errorOf` turns whatever ended it into the error that is thrown. */
export async function withTransferLimit<T>(
  signal: AbortSignal | undefined,
  transfer: (limit: TimeLimit) => Promise<T>,
  errorOf: (error: unknown) => Error,
): Promise<T> {
  const limit = createTimeLimit(signal);
  try {
    return await transfer(limit);
  } catch (error) {
    throw errorOf(causeOfEnd(limit, error));
  } finally {
    limit.close();
  }
}

/** What the limit ended failed for standing still, whatever words the transport has for it. */
export function causeOfEnd(limit: TimeLimit, error: unknown): unknown {
  return limit.expired ? new HttpFailure('nothing moved for too long', true) : error;
}

/** Hands the chunks through; the limit runs only while `source` is awaited, not while the taker works. */
export async function* limitEachChunk(
  source: AsyncIterable<Uint8Array>,
  limit: TimeLimit,
  idleMs: number,
): AsyncGenerator<Uint8Array> {
  limit.start(idleMs);
  for await (const chunk of source) {
    limit.stop();
    yield chunk;
    limit.start(idleMs);
  }
  limit.stop();
}

/**
 * The other way: while the transport holds a chunk, the limit runs; while the source is read, it does not. A chunk is
 * asked for when the one before it has gone, so each pull is progress. The last is followed by the wait for the reply.
 */
export async function* limitEachWrite(
  chunks: AsyncIterable<Uint8Array>,
  limit: TimeLimit,
  idleMs: number,
  replyMs: number,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    limit.start(idleMs);
    yield chunk;
    limit.stop();
  }
  limit.start(replyMs);
}
