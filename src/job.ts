/** One durable unit of work: a request, its state, its attempts, its result. */

export const jobStates = ['queued', 'packed', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'] as const;
export type JobState = (typeof jobStates)[number];

/**
 * The allowed moves of a job, and nothing else is allowed.
 * `succeeded` is hard. `failed` and `cancelled` give way to a paid late result, or to a person who asks again;
 * `skipped` (never sent) gives way when its input has become readable.
 */
export const jobMoves: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['packed', 'running', 'cancelled', 'failed', 'succeeded'],
  packed: ['running', 'queued', 'cancelled', 'failed', 'succeeded'],
  running: ['succeeded', 'failed', 'cancelled', 'queued'],
  succeeded: [],
  failed: ['queued', 'succeeded'],
  cancelled: ['queued', 'succeeded'],
  skipped: ['queued'],
};

export function canMoveJob(from: JobState, to: JobState): boolean {
  return jobMoves[from].includes(to);
}

/** No more work will be done on such a job unless somebody asks for it. */
export function isEnded(state: JobState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled' || state === 'skipped';
}

/** How many jobs of a run are in each state; their sum is the run's total at every moment. */
export type JobCounts = Readonly<Record<JobState, number>>;

export const noCounts: JobCounts = {
  queued: 0,
  packed: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
};

export function totalOf(counts: JobCounts): number {
  return jobStates.reduce((sum, state) => sum + counts[state], 0);
}

export function unfinishedOf(counts: JobCounts): number {
  return counts.queued + counts.packed + counts.running;
}
