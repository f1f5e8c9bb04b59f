import { expect } from 'vitest';
import { jobStates, totalOf } from '../../job.ts';
import type { Store } from '../../store.ts';
import type { AddedJobs } from '../../store-rows.ts';

export interface Tally {
  /** Jobs that were added to each run, by all connections. */
  jobs: Map<string, number>;
  /** Changes under way: while there are others, what they have done already is not known here. */
  pending: number;
}

const readingMethods = new Set<string | symbol>([
  'getRun',
  'listRuns',
  'readResults',
  'findLanes',
  'nextDue',
  'readRequests',
  'readAttempts',
  'listOwners',
  'listBatches',
  'getLimit',
  'findRemotes',
  'listDurations',
  'listCosts',
  'getJobKeys',
  'check',
  'close',
]);

/** Invariant I4 at every observed instant: after each change a run's counts sum to its jobs. */
export function watchStore(store: Store, tally: Tally): Store {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function' || readingMethods.has(name)) return method;
      return async (...input: unknown[]) => {
        tally.pending += 1;
        try {
          const output: unknown = await Reflect.apply(method, target, input);
          if (name === 'addJobs') addToTally(tally, String(input[0]), output);
          if (name === 'importResults') tally.jobs.set(String(input[0]), countOf(tally, input[0]) + Number(output));
          return output;
        } finally {
          tally.pending -= 1;
          if (tally.pending === 0) await compare(target, tally, String(name));
        }
      };
    },
  });
}

async function compare(store: Store, tally: Tally, method: string): Promise<void> {
  // The last ones: a property makes hundreds.
  for (const [runId, jobs] of [...tally.jobs].slice(-6)) {
    const run = await store.getRun(runId);
    if (tally.pending > 0) return;
    expect(run && totalOf(run.counts), `jobs of ${runId} after ${method}`).toBe(jobs);
    for (const state of jobStates) expect(run?.counts[state]).toBeGreaterThanOrEqual(0);
  }
}

function addToTally(tally: Tally, runId: string, output: unknown): void {
  const { added, skipped, reused, reopened } = output as AddedJobs;
  // A reopened job that found its answer is counted under both words.
  tally.jobs.set(runId, countOf(tally, runId) + added + skipped + Math.max(0, reused - reopened));
}

function countOf(tally: Tally, runId: unknown): number {
  return tally.jobs.get(String(runId)) ?? 0;
}
