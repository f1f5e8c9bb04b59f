import type { Batch, BatchState } from './batch.ts';
import type { JobState } from './job.ts';
import type { Run } from './run.ts';

/**
 * PORT: what people and programs look at. Reads only; every method answers in a few milliseconds with a million jobs in
 * the store, because it reads a page or a row of sums, never a table. `before` and `after` are cursors: the last row's id.
 */
export interface Views {
  getJob(job: number): Promise<JobDetails | undefined>;
  /**
   * Newest first; with `keyPrefix` in the order of the keys. A page may be short, or empty, though there are more: few
   * matches among many are looked for in bounded steps. Go on from `next` until it is absent.
   */
  listJobs(filter: JobFilter): Promise<JobPage>;
  /**
   * Results in the order in which they came; `id` is the cursor, it only grows. A result that changes comes again. With
   * `batchId` in the order of the jobs, `id` being the job's: what ends in another batch is a result of that one. A page
   * ends early where answers are long; go on until one is empty.
   */
  readFeed(filter: { after: number; limit: number; runId?: string; batchId?: number }): Promise<FeedRow[]>;
  /** Changes of runs and batches, oldest first; `id` is the cursor. */
  listEvents(filter: { after: number; limit: number; runId?: string; batchId?: number }): Promise<StoreEvent[]>;
  lastEventId(): Promise<number>;
  /** Newest first. `queue`: a job type's; `'*'`: any queue's. */
  listRuns(filter: {
    beforeSeq?: number;
    limit: number;
    queue?: string;
    provider?: string;
    state?: Run['state'];
    search?: string;
    since?: number;
    until?: number;
  }): Promise<RunSummary[]>;
  /** Newest first. */
  listBatches(filter: {
    before?: number;
    limit: number;
    runId?: string;
    queue?: string;
    provider?: string;
    states?: readonly BatchState[];
    openOnly?: boolean;
    since?: number;
  }): Promise<BatchSummary[]>;
  getBatch(id: number): Promise<BatchSummary | undefined>;
  /** Failures of a run by their code, the most frequent first; of the first `failuresRead` failed jobs. */
  listFailures(runId: string): Promise<{ code: string; jobs: number; example: string }[]>;
  /** Sums over all runs of a side, exact. */
  totals(side: Side): Promise<Totals>;
  /** The same by queue and provider; runs that no queue made are without `queue`. In `sqlite/queue-totals.ts`. */
  totalsByQueue(side: Side): Promise<QueueTotals[]>;
  /** The feed's row of one job; undefined while it has none. Like `readFeed`, by the job. */
  getResult(job: number): Promise<FeedRow | undefined>;
  /** Money and attempts by day (UTC), queue, provider and model, from `since` (a day) on. */
  listSpending(filter: Side & { since: string }): Promise<SpendingRow[]>;
}

/** What is added up: runs that the sandbox answers, or those that real providers do. Made-up money is never money. */
export interface Side {
  simulated: boolean;
}

export const failuresRead = 10_000;

export interface JobFilter {
  runId?: string;
  batchId?: number;
  states?: readonly JobState[];
  /** Beginning of a job's key, inside a run. */
  keyPrefix?: string;
  before?: number;
  limit: number;
}

export interface JobPage {
  jobs: JobSummary[];
  /** There may be more: pass it as `before`. */
  next?: number;
}

export interface JobSummary {
  id: number;
  runId: string;
  key: string;
  queue?: string;
  provider: string;
  model: string;
  state: JobState;
  /** Waits in its queue until that is sent. */
  held: boolean;
  priority: number;
  attempts: number;
  batchId?: number;
  createdAt?: number;
  errorCode?: string;
}

export interface JobDetails extends JobSummary {
  endpoint?: string;
  /** The request's JSON text as it goes on the wire. */
  body?: string;
  /** What the caller gave with it, JSON text. */
  data?: string;
  callbackUrl?: string;
  output?: string;
  /** The provider's whole answer, JSON text, where it is kept. */
  response?: string;
  finishReason?: string;
  errorMessage?: string;
  endedAt?: number;
  /** The job whose answer it took. */
  reusedFrom?: number;
  history: AttemptView[];
}

export interface AttemptView {
  number: number;
  batchId?: number;
  outcome?: string;
  errorCode?: string;
  errorMessage?: string;
  startedAt: number;
  endedAt?: number;
  inputTokens?: number;
  outputTokens?: number;
  cachedTokens?: number;
  /** Undefined: no usage yet, or the price is unknown. */
  costNanoUsd?: number;
}

export interface FeedRow {
  id: number;
  job: number;
  runId: string;
  key: string;
  queue?: string;
  provider: string;
  model: string;
  batchId?: number;
  state: JobState;
  data?: string;
  output?: string;
  response?: string;
  finishReason?: string;
  errorCode?: string;
  errorMessage?: string;
  inputTokens?: number;
  outputTokens?: number;
  costNanoUsd?: number;
}

export interface StoreEvent {
  id: number;
  at: number;
  /** `batch_in_progress`, `run_ended`, `job_queued` ... */
  type: string;
  runId?: string;
  batchId?: number;
  detail?: string;
}

export interface RunSummary extends Run {
  /** Cursor. */
  seq: number;
}

export interface BatchSummary extends Batch {
  queue?: string;
  /** As its run. */
  simulated: boolean;
  /** How its rows ended here, and what they cost. */
  succeeded: number;
  failed: number;
  costNanoUsd?: number;
  realtimeNanoUsd?: number;
  cancelWanted: boolean;
}

export interface Totals {
  /** Held in queues, of all runs' queued jobs. */
  held: number;
  queued: number;
  packed: number;
  running: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  skipped: number;
  batchesSubmitted: number;
  batchesCompleted: number;
  batchesFailed: number;
  batchesOpen: number;
  costNanoUsd: number;
  realtimeNanoUsd: number;
}

/** What is held stands in `ServiceStore.listQueues`. */
export interface QueueTotals extends Omit<Totals, 'held'> {
  queue?: string;
  provider: string;
}

export interface SpendingRow {
  day: string;
  queue?: string;
  provider: string;
  model: string;
  realtime: boolean;
  attempts: number;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  costNanoUsd: number;
  realtimeNanoUsd: number;
  unpriced: number;
}
