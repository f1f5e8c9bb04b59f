import type { Logger } from 'pino';
import { systemClock } from '../clock.ts';
import { hasCode, isOffpeakError, messageOf } from '../errors.ts';
import type { Offpeak } from '../offpeak.ts';

/** First and longest pause before a worker that has failed begins again. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
/** After so long without a failure the next one is the first. */
const calmAfterMs = 300_000;

export interface Working {
  /** There may be work: look now. */
  wake(): void;
  /** Resolves when the worker has stopped after the signal; rejects when the store is damaged or gone. */
  ended: Promise<void>;
}

/**
 * A worker that serves everybody, until the signal. What stops it (a full disk, a locked store, a fault of ours) is said
 * in the log, and it begins again after a pause: a service waits for room on its disk, it does not end for it.
 */
export function keepWorking(offpeak: Offpeak, signal: AbortSignal, log: Logger): Working {
  let wake = () => {};
  const run = async () => {
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      const worker = offpeak.worker();
      wake = worker.wake;
      const startedAt = performance.now();
      try {
        await worker.run(signal);
      } catch (error) {
        // A damaged file does not mend itself, and a thread that is gone does not come back.
        if (hasCode(error, 'store_corrupt', 'store_closed')) throw error;
        if (performance.now() - startedAt > calmAfterMs) pauseMs = firstPauseMs;
        const code = isOffpeakError(error) ? error.code : 'internal';
        log.error({ code }, `${messageOf(error)}; the worker goes on in ${pauseMs / 1000} s`);
        await systemClock.sleep(pauseMs, signal);
        pauseMs = Math.min(longestPauseMs, pauseMs * 2);
      }
    }
  };
  return { wake: () => wake(), ended: run() };
}
