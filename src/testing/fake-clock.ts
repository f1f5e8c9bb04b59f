import type { Clock } from '../clock.ts';

/** A clock that stands still until a test moves it: 24 hours pass in 24 milliseconds. */
export interface FakeClock extends Clock {
  /** Moves time, waking sleepers in the order of their time; what they start meanwhile runs in between. */
  advance(ms: number): Promise<void>;
  /** Moves only the reading, as a change of the system's clock does; wakes nobody. */
  jump(ms: number): void;
  /** Lets time pass from sleeper to sleeper until the promise settles; throws when `maxMs` of fake time are not enough. */
  runUntil<T>(promise: Promise<T>, maxMs?: number): Promise<T>;
  /** Sleepers now. */
  readonly sleeping: number;
  /** Every sleep that was asked for, in milliseconds. */
  readonly sleeps: readonly number[];
}

interface Sleeper {
  at: number;
  wake: () => void;
}

/** Turns of the event loop in which work that waits for no time gets done: promises, immediates, a little local I/O. */
const idleTurns = 6;
/** Turns without a sleeper after which nothing can happen any more. */
const deadTurns = 5_000;

/**
 * @example
 * const clock = createFakeClock();
 * await clock.runUntil(worker.run(signal), 24 * 3_600_000);
 */
export function createFakeClock(start = Date.UTC(2026, 10, 20, 12)): FakeClock {
  let now = start;
  const sleepers = new Set<Sleeper>();
  const sleeps: number[] = [];

  const earliest = (): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of sleepers) if (!first || sleeper.at < first.at) first = sleeper;
    return first;
  };
  const moveTo = (sleeper: Sleeper): void => {
    now = Math.max(now, sleeper.at);
    sleeper.wake();
  };

  return {
    now: () => now,
    sleep(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        sleeps.push(ms);
        const wake = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper: Sleeper = { at: now + Math.max(ms, 0), wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', wake, { once: true });
      });
    },
    async advance(ms) {
      const end = now + ms;
      await turns(idleTurns);
      for (let next = earliest(); next && next.at <= end; next = earliest()) {
        moveTo(next);
        await turns(idleTurns);
      }
      now = Math.max(now, end);
    },
    jump(ms) {
      now += ms;
    },
    async runUntil(promise, maxMs = 48 * 3_600_000) {
      const end = now + maxMs;
      let settled = false;
      const settle = () => {
        settled = true;
      };
      promise.then(settle, settle);
      let dead = 0;
      while (!settled) {
        await turns(idleTurns);
        if (settled) break;
        const next = earliest();
        if (next && next.at > end) throw new Error(`still waiting after ${maxMs} ms of fake time`);
        if (next) moveTo(next);
        else if (++dead > deadTurns) throw new Error('nobody sleeps, and what is awaited does not come');
        dead = next ? 0 : dead;
      }
      return promise;
    },
    get sleeping() {
      return sleepers.size;
    },
    sleeps,
  };
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
