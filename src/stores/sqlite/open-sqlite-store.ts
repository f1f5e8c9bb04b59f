import type { Enqueued, ServiceStore } from '../../service-store.ts';
import type { Store } from '../../store.ts';
import type { Views } from '../../views.ts';
import { processOwner } from '../process-owner.ts';
import { callThread } from './call-thread.ts';
import { packJobs } from './packed-jobs.ts';
import type { SqliteStore } from './sqlite-store.ts';
import type { PortName } from './thread-messages.ts';

export interface OpenSqliteStoreOptions {
  /** File of the database; made, with its folder, when it is not there. Not `:memory:`. */
  path: string;
  /** Who opens it; by default this process. */
  owner?: string;
  /** How long a write waits for another process before `store_locked`. */
  busyTimeoutMs?: number;
}

export interface ThreadedSqliteStore extends SqliteStore {
  /** Rejects with `store_closed` when the thread has ended without being asked to (no memory is left): open it again. */
  gone: Promise<never>;
}

/** Beside this file, and in the same language: source or compiled. */
const entry = new URL(`./store-thread.${import.meta.url.slice(-2)}`, import.meta.url);

/**
 * The embedded store in a thread of its own, so that nobody's event loop waits for a disk: a commit's sync takes 2 to
 * 20 ms here, and now and then a tenth of a second. Each call costs a copy of what it takes and gives (some 5 us for a
 * job of 1 KB) and is answered in its turn.
 * @throws OffpeakError `store_corrupt`, `store_locked`, `store_failed`
 */
export async function openSqliteStore(options: OpenSqliteStoreOptions): Promise<ThreadedSqliteStore> {
  const thread = callThread(entry, { owner: processOwner(), ...options });
  const methods = await thread.opened;
  const port = (name: PortName) =>
    Object.fromEntries(
      methods[name].map((method) => [method, (...args: unknown[]) => thread.call(name, method, args)]),
    );
  let closed: Promise<void> | undefined;
  // The thread names the calls of each port itself: they are those of the store that it has opened.
  const store = port('store') as unknown as Store;
  const service = port('service') as unknown as ServiceStore;
  return {
    ...store,
    gone: thread.gone,
    views: port('views') as unknown as Views,
    service: {
      ...service,
      // Not awaited here: that would keep the jobs.
      enqueue: async (jobs, now) => thread.call('packed', 'enqueue', [packJobs(jobs), now]) as Promise<Enqueued[]>,
      changeSettings: async (decide, now) => {
        for (;;) {
          const seen = await service.getSettings();
          const changed = await thread.call('settings', 'swap', [seen, decide(seen), now]);
          // Undefined: somebody else has changed them meanwhile.
          if (changed instanceof Map) return changed;
        }
      },
    },
    close: () => {
      closed ??= thread.close();
      return closed;
    },
  };
}
