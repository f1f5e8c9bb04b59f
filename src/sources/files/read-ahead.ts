/**
 * Does `work` on up to `inFlight` values at once and yields what came out in the order of the values. A reader that
 * stops early closes `values`, and waits for the work in flight.
 */
export async function* readAhead<T, R>(
  values: AsyncIterable<T>,
  work: (value: T) => Promise<R>,
  inFlight: number,
): AsyncGenerator<R> {
  const iterator = values[Symbol.asyncIterator]();
  const pending: Promise<R>[] = [];
  let ended = false;
  try {
    for (;;) {
      while (!ended && pending.length < inFlight) {
        const next = await iterator.next();
        if (next.done) ended = true;
        else {
          const result = work(next.value);
          // A failure is thrown when its turn comes; until then it must not count as unhandled.
          result.catch(() => {});
          pending.push(result);
        }
      }
      const first = pending[0];
      if (!first) return;
      const result = await first;
      pending.shift();
      yield result;
    }
  } finally {
    await Promise.allSettled(pending);
    if (!ended) await iterator.return?.();
  }
}
