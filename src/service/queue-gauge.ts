import type { QueueState } from '../service-store.ts';

/**
 * About what the queues hold, without asking the store at every job: what it said last, and what was queued here since.
 * Only to know when it is worth looking; what other processes queue shows at the next look.
 */
export interface QueueGauge {
  /** What the store says now. */
  set(queues: readonly QueueState[]): void;
  /** Queued here; returns what the queue holds by now, its oldest job being that of `now` where none is known. */
  add(jobs: { jobType: string; provider: string; count: number; bytes: number }, now: number): QueueState;
}

export function createQueueGauge(): QueueGauge {
  let known = new Map<string, QueueState>();
  const keyOf = (jobType: string, provider: string) => `${jobType}:${provider}`;
  return {
    set(queues) {
      known = new Map(queues.map((queue) => [keyOf(queue.queue, queue.provider), { ...queue }]));
    },
    add({ jobType, provider, count, bytes }, now) {
      const key = keyOf(jobType, provider);
      const before = known.get(key) ?? emptyQueue(jobType, provider, now);
      const state = { ...before, held: before.held + count, bytes: before.bytes + bytes };
      known.set(key, state);
      return state;
    },
  };
}

function emptyQueue(jobType: string, provider: string, now: number): QueueState {
  return { runId: '', queue: jobType, provider, simulated: false, held: 0, priorities: [], bytes: 0, oldestAt: now };
}
