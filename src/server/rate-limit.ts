import type { Clock } from '../clock.ts';

/** A bucket of tokens for each key; no key, however many come, takes more memory than `size` of them. */
export interface RateLimit {
  /** Takes one. 0: go on; otherwise how many milliseconds until there is one again. */
  take(key: string): number;
  /** How long the key has to wait already; takes nothing. */
  wait(key: string): number;
}

interface Bucket {
  left: number;
  at: number;
}

/** `perSecond` 0: no limit. The bucket holds two seconds' worth. */
export function createRateLimit(options: { perSecond: number; clock: Clock; size?: number }): RateLimit {
  const { perSecond, clock, size = 10_000 } = options;
  if (perSecond <= 0) return { take: () => 0, wait: () => 0 };
  const buckets = new Map<string, Bucket>();
  const full = perSecond * 2;

  const filled = (key: string): Bucket | undefined => {
    const bucket = buckets.get(key);
    if (!bucket) return undefined;
    const now = clock.now();
    // A clock that was set back gives nothing and takes nothing.
    bucket.left = Math.min(full, bucket.left + (Math.max(0, now - bucket.at) * perSecond) / 1000);
    bucket.at = now;
    return bucket;
  };
  const waitOf = (bucket: Bucket | undefined): number =>
    bucket && bucket.left < 1 ? Math.max(1, Math.ceil(((1 - bucket.left) * 1000) / perSecond)) : 0;

  return {
    take(key) {
      const bucket = filled(key);
      if (!bucket) {
        if (buckets.size >= size) for (const oldest of buckets.keys()) if (buckets.delete(oldest)) break;
        buckets.set(key, { left: full - 1, at: clock.now() });
        return 0;
      }
      const wait = waitOf(bucket);
      if (wait === 0) bucket.left--;
      return wait;
    },
    wait: (key) => waitOf(filled(key)),
  };
}
