import { useEffect, useRef, useState } from 'preact/hooks';
import type { ServerEvent } from '../../src/service/contract/deliveries.ts';
import type { Problem } from '../../src/service/contract/words.ts';
import { get, problemOf } from './api.ts';
import { liveState, onServerEvent } from './events.ts';

/** What a page shows of the API, kept fresh: by events, and slowly by itself in case an event was missed. */
export interface Resource<T> {
  data: T | undefined;
  /** Why the latest try failed; `data` is then what was read before. */
  problem: Problem | undefined;
  /** `data` answers the question before: what this one asks is still read. */
  isStale: boolean;
  refresh(): void;
}

export interface ResourceOptions {
  /** Which events change it; default: all. */
  affects?: (event: ServerEvent) => boolean;
  /** Shows the old page until the new one is there: for lists, whose rows are alike. */
  keepsOld?: boolean;
  /** Never by itself. */
  isStill?: boolean;
}

const afterEventMs = 400;
/** However many events come, it is read at least so often. */
const longestDelayMs = 2000;
const slowRefreshMs = 60_000;
/** Without the live connection. */
const pollMs = 10_000;

interface Held<T> {
  path: string | undefined;
  data: T | undefined;
  /** Whose answer it is: while the next page is read, another's. */
  dataPath: string | undefined;
  problem: Problem | undefined;
}

/** `path`: with its query; undefined: nothing is wanted now. */
export function useResource<T>(path: string | undefined, options: ResourceOptions = {}): Resource<T> {
  const [held, setHeld] = useState<Held<T>>({
    path,
    data: undefined,
    dataPath: undefined,
    problem: undefined,
  });
  const latest = useRef(options);
  latest.current = options;
  const refresh = useRef(() => {});

  useEffect(() => {
    if (path === undefined) return;
    const keeper = keepFresh<T>(path, {
      affects: (event) => latest.current.affects?.(event) ?? true,
      isStill: latest.current.isStill ?? false,
      onStart: () => setHeld((before) => started(before, path, latest.current.keepsOld ?? false)),
      onData: (data) => setHeld({ path, data, dataPath: path, problem: undefined }),
      onProblem: (problem) => setHeld((before) => failed(before, path, problem)),
    });
    refresh.current = keeper.refresh;
    return keeper.close;
  }, [path]);

  // Between the new path and its effect, what was held belongs to another page.
  const isOther = held.path !== path && !options.keepsOld;
  return {
    data: isOther ? undefined : held.data,
    problem: isOther ? undefined : held.problem,
    isStale: !isOther && held.data !== undefined && held.dataPath !== path,
    refresh: () => refresh.current(),
  };
}

function started<T>(before: Held<T>, path: string, keepsOld: boolean): Held<T> {
  if (before.path === path || keepsOld) return { ...before, path };
  return { path, data: undefined, dataPath: undefined, problem: undefined };
}

/** What was read before stays, if it answers the same question. */
function failed<T>(before: Held<T>, path: string, problem: Problem): Held<T> {
  const kept = before.dataPath === path ? before.data : undefined;
  return { path, data: kept, dataPath: kept && path, problem };
}

interface KeeperOptions<T> {
  affects(event: ServerEvent): boolean;
  isStill: boolean;
  onStart(): void;
  onData(data: T): void;
  onProblem(problem: Problem): void;
}

/** Reads a path again and again, one call at a time; a wish during a call is fulfilled after it. */
function keepFresh<T>(path: string, options: KeeperOptions<T>): { refresh(): void; close(): void } {
  const abort = new AbortController();
  let isReading = false;
  let isWanted = false;
  let readAt = 0;
  let wantedSince = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const read = async () => {
    clearTimeout(timer);
    timer = undefined;
    wantedSince = 0;
    if (isReading) {
      isWanted = true;
      return;
    }
    isReading = true;
    options.onStart();
    try {
      const data = await get<T>(path, undefined, abort.signal);
      if (!abort.signal.aborted) options.onData(data);
    } catch (error) {
      if (!abort.signal.aborted) options.onProblem(problemOf(error));
    }
    readAt = Date.now();
    isReading = false;
    if (isWanted && !abort.signal.aborted) {
      isWanted = false;
      soon();
    }
  };

  const soon = () => {
    const now = Date.now();
    wantedSince ||= now;
    clearTimeout(timer);
    timer = setTimeout(read, Math.max(0, Math.min(afterEventMs, wantedSince + longestDelayMs - now)));
  };

  const isDue = () => Date.now() - readAt > (liveState.get().type === 'live' ? slowRefreshMs : pollMs);
  const look = () => {
    if (document.visibilityState === 'visible' && !isReading && isDue()) void read();
  };

  void read();
  const endings: (() => void)[] = [];
  if (!options.isStill) {
    endings.push(
      onServerEvent((event) => {
        if (event === 'resumed' || options.affects(event)) soon();
      }),
    );
    const interval = setInterval(look, pollMs / 2);
    document.addEventListener('visibilitychange', look);
    endings.push(
      () => clearInterval(interval),
      () => document.removeEventListener('visibilitychange', look),
    );
  }
  return {
    refresh: () => void read(),
    close() {
      abort.abort();
      clearTimeout(timer);
      for (const end of endings) end();
    },
  };
}
