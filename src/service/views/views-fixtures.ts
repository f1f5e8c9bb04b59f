import { expect } from 'vitest';
import type { z } from 'zod';
import type { Provider } from '../../provider.ts';
import type { SqliteStore } from '../../stores/sqlite/sqlite-store.ts';
import { createFakeClock, type FakeClock } from '../../testing/fake-clock.ts';
import type { Settings } from '../contract/settings.ts';
import { defaultSettings } from '../default-settings.ts';
import { ownViews } from '../own-side.ts';
import { openStore, storeFolder } from '../queue-fixtures.ts';
import { hour, start } from '../sent-queue-fixtures.ts';
import type { ServiceViews } from '../service.ts';
import { createServiceViews } from './service-views.ts';

/** For tests: a store and what is shown of it. The queues' own status has tests of its own; here it is as the store says. */
export interface ViewsFixture {
  store: SqliteStore;
  clock: FakeClock;
  settings: Settings;
  /** Why the queues can store no jobs; a test sets it. */
  fault: { message?: string };
  views: ServiceViews;
}

export function createViewsFixture(providers: readonly Provider[] = []): ViewsFixture {
  const clock = createFakeClock(start + 2 * hour);
  const store = openStore(storeFolder(), { now: clock.now });
  const settings: Settings = structuredClone(defaultSettings);
  const fault: { message?: string } = {};
  const status = async () => {
    const queues = await store.service.listQueues();
    return {
      total_queued: queues.reduce((sum, { held }) => sum + held, 0),
      breakdown: Object.fromEntries(queues.map(({ queue, provider, held }) => [`${queue}_${provider}`, held])),
      queues: queues.map(({ queue, provider, runId, held, priorities, bytes, oldestAt }) => ({
        job_type: queue,
        provider,
        run_id: runId,
        count: held,
        priorities: priorities.map(({ priority, jobs }) => ({ priority, count: jobs })),
        bytes,
        oldest_at: new Date(oldestAt).toISOString(),
        next_send_at: null,
      })),
    };
  };
  const views = createServiceViews({
    store,
    service: store.service,
    // The jobs of these tests are the sandbox's.
    views: ownViews(store.views, true),
    queues: {
      status,
      settings: async () => settings,
      nextScheduled: async () => start + 14 * hour,
      fault: () => fault.message,
    },
    providers,
    version: '1.2.3',
    clock,
  });
  return { store, clock, settings, fault, views };
}

/** Exactly what the contract says: nothing is missing, wrong or beside it, however deep. */
export function fits<T>(shape: z.ZodType<T>, value: T): T {
  expect(shape.parse(value)).toEqual(value);
  return value;
}
