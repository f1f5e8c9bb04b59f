import type { Clock } from '../../clock.ts';

/**
 * A value that is costly to make and may be a little old: made once for all who ask at the same time, and again after
 * `forMs`. A failure is told to those who wait for it, and is not kept.
 */
export function createKept<T>(clock: Clock, forMs: number, make: () => Promise<T>): () => Promise<T> {
  let kept: { value: Promise<T>; madeAt: number } | undefined;
  return () => {
    // A clock that was set back makes nothing immortal.
    if (kept && Math.abs(clock.now() - kept.madeAt) < forMs) return kept.value;
    const value = make();
    const mine = { value, madeAt: clock.now() };
    kept = mine;
    value.then(
      () => {
        mine.madeAt = clock.now();
      },
      () => {
        if (kept === mine) kept = undefined;
      },
    );
    return value;
  };
}
