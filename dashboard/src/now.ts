import { useEffect } from 'preact/hooks';
import { createStore, useStore } from './store.ts';

/** One clock for all the times on the page, so that they move together. */
const now = createStore(Date.now());
const tickMs = 10_000;
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

export function useNow(): number {
  useEffect(() => {
    users += 1;
    if (users === 1) {
      now.set(Date.now());
      timer = setInterval(() => now.set(Date.now()), tickMs);
    }
    return () => {
      users -= 1;
      if (users === 0) clearInterval(timer);
    };
  }, []);
  return useStore(now);
}
