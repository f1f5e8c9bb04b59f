import { afterEach, beforeEach, expect } from 'vitest';
import type { Enqueued, QueuedJob, ServiceStore } from '../../service-store.ts';
import type { Store } from '../../store.ts';
import type { LaneKey } from '../../store-rows.ts';
import type { Views } from '../../views.ts';
import { batchLane, firstOwner, type MakeStoreOptions, sizeOf, start } from '../store/context.ts';

/** What the suites of the service's ports work with: one store a test, with all its ports, checked and closed after it. */

export interface ServedStore extends Store {
  readonly service: ServiceStore;
  readonly views: Views;
}

export interface ServedStoreUnderTest {
  store: ServedStore;
  /** Opens the same data as a new process does after the process of `store` was killed: `store` is not closed. */
  reopen(): Promise<ServedStore>;
  /** Another connection, while everybody else goes on. */
  second(): Promise<ServedStore>;
  /** Closes all of them and removes the data. */
  close(): Promise<void>;
}

export type MakeServedStore = (options?: MakeStoreOptions) => Promise<ServedStoreUnderTest>;

export interface ServedContext {
  readonly store: ServedStore;
  readonly service: ServiceStore;
  readonly views: Views;
  second(): Promise<ServedStore>;
  reopen(): Promise<ServedStore>;
}

/** Registers the hooks: a new store before each test; after it `check` must find nothing, the kept sums among it. */
export function useServedStore(make: MakeServedStore): ServedContext {
  let under: ServedStoreUnderTest | undefined;
  const current = () => {
    if (!under) throw new Error('the store was not made');
    return under;
  };
  beforeEach(async () => {
    under = await make({ owner: firstOwner, now: () => start });
  });
  afterEach(async () => {
    if (!under) return;
    const { store, close } = under;
    under = undefined;
    try {
      expect(await store.check(), 'check() after the test').toEqual([]);
    } finally {
      await close();
    }
  });
  return {
    get store() {
      return current().store;
    },
    get service() {
      return current().store.service;
    },
    get views() {
      return current().store.views;
    },
    second: async () => current().second(),
    reopen: async () => current().reopen(),
  };
}

/** A job of `scoring` at the fake provider, its request named after `name`. */
export function queuedJob(name: string, change: Partial<QueuedJob> & { lane?: Partial<LaneKey> } = {}): QueuedJob {
  const { lane, ...rest } = change;
  const body = `{"input":${JSON.stringify(name)}}`;
  const key: LaneKey = { ...batchLane, ...lane };
  return {
    queue: 'scoring',
    provider: key.provider,
    account: key.account,
    simulated: false,
    model: key.model,
    priority: 5,
    request: { lane: key, body, size: sizeOf(body) },
    data: JSON.stringify({ name }),
    ...rest,
  };
}

export function queuedJobs(count: number, change: Parameters<typeof queuedJob>[1] = {}, prefix = 'job'): QueuedJob[] {
  return Array.from({ length: count }, (_, i) => queuedJob(`${prefix}-${i + 1}`, change));
}

/** Queues jobs that must all be new; their numbers. */
export async function enqueueAll(service: ServiceStore, jobs: readonly QueuedJob[], now = start): Promise<number[]> {
  return (await service.enqueue(jobs, now)).map((enqueued) => newJobOf(enqueued).job);
}

export function newJobOf(enqueued: Enqueued | undefined): { job: number; runId: string } {
  if (enqueued?.type !== 'queued') throw new Error(`expected a new job, got ${JSON.stringify(enqueued)}`);
  return enqueued;
}

/** Queues jobs of one queue and sends it: its run and lane. */
export async function sendQueue(store: ServedStore, jobs: readonly QueuedJob[]) {
  const enqueued = await store.service.enqueue(jobs, start);
  const { runId } = newJobOf(enqueued[0]);
  await store.service.sealQueues([runId], start);
  const lanes = await store.findLanes({ runId }, start);
  const [lane] = lanes;
  if (!lane) throw new Error(`run ${runId} has no lane`);
  return { runId, lane: lane.id, lanes, jobs: enqueued.map((each) => newJobOf(each).job) };
}

/** Until a chunked operation says that it is done. */
export async function drain(step: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let done = await step(); done > 0; done = await step()) sum += done;
  return sum;
}
