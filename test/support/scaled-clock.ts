import type { Clock } from '../../src/clock.ts';

/** Time that runs `scale` times as fast: waits of minutes are tested in a second, over real connections. */
export function scaledClock(scale: number): Clock {
  const start = Date.now();
  return {
    now: () => start + Math.round((Date.now() - start) * scale),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const timer = setTimeout(end, ms / scale);
        signal?.addEventListener('abort', end, { once: true });
        function end() {
          clearTimeout(timer);
          signal?.removeEventListener('abort', end);
          resolve();
        }
      }),
  };
}
