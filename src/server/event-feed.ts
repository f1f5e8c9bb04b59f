import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { ServerEvent } from '../service/contract/deliveries.ts';
import type { ServiceViews } from '../service/service.ts';

/**
 * What changes, for everybody who listens: one reader of the store, however many listeners there are, and none while
 * there is nobody. It is woken by `notify`, and looks by itself for what other processes do.
 */
export interface EventFeed {
  /** Something has changed: look now. */
  notify(): void;
  /** New events in their order, each once; whatever throws in a listener is its own matter. Returns the way out. */
  subscribe(listener: (events: readonly ServerEvent[]) => void): () => void;
  /** The last event that the listeners were given, once that is known. */
  head(): Promise<number>;
  /** The same, as it is now; -1 before it is known. */
  readonly lastSeen: number;
  /** Resolves when something may have changed, or after a while, or with the signal. */
  changed(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const pageSize = 500;

export function createEventFeed(options: {
  views: Pick<ServiceViews, 'events' | 'lastEventId'>;
  clock: Clock;
  pollMs: number;
  warn: (message: string) => void;
}): EventFeed {
  const { views, clock, pollMs, warn } = options;
  const listeners = new Set<(events: readonly ServerEvent[]) => void>();
  const waiting = new Set<() => void>();
  let closed = false;
  let lastSeen = -1;
  let loop: Promise<void> | undefined;
  let started: Promise<void> | undefined;
  let nap = new AbortController();

  const wakeAll = (): void => {
    for (const wake of [...waiting]) wake();
  };

  const readNew = async (): Promise<boolean> => {
    const events = await views.events({ after: lastSeen, limit: pageSize });
    const last = events.at(-1);
    if (last === undefined) return false;
    lastSeen = last.id;
    for (const listener of listeners) listener(events);
    wakeAll();
    return events.length === pageSize;
  };

  const follow = async (): Promise<void> => {
    while (listeners.size > 0 && !closed) {
      // Made before reading: a notify that comes while the store is read is not lost.
      nap = new AbortController();
      try {
        if (await readNew()) continue;
      } catch (error) {
        warn(`Events cannot be read now: ${messageOf(error)}`);
      }
      await clock.sleep(pollMs, nap.signal);
    }
    loop = undefined;
    started = undefined;
  };

  const start = (): Promise<void> => {
    started ??= views.lastEventId().then(
      (id) => {
        // What came while nobody listened is nobody's: those who come read it themselves.
        lastSeen = Math.max(lastSeen, id);
        loop ??= follow();
      },
      (error: unknown) => {
        started = undefined;
        throw error;
      },
    );
    return started;
  };

  return {
    notify: () => nap.abort(),
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) nap.abort();
      };
    },
    async head() {
      await start();
      return lastSeen;
    },
    get lastSeen() {
      return lastSeen;
    },
    async changed(signal) {
      if (signal.aborted || closed) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = new AbortController();
      waiting.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true, signal: timer.signal });
      void clock.sleep(pollMs, timer.signal).then(resolve);
      await promise;
      waiting.delete(resolve);
      timer.abort();
    },
    async close() {
      closed = true;
      nap.abort();
      wakeAll();
      await loop;
    },
  };
}
