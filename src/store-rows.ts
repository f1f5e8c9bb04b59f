import type { BatchState, RowCounts } from './batch.ts';
import type { JobState } from './job.ts';
import type { Price } from './prices.ts';
import type { RequestSize } from './request.ts';
import type { Run, RunState } from './run.ts';
import type { Usage } from './usage.ts';

/** What goes into the store and comes out of it; the port itself is `store.ts`. */

/** Most rows that one call of the store takes or gives. */
export const chunkRows = 500;

export type NewRun = Omit<
  Run,
  | 'queue'
  | 'state'
  | 'createdAt'
  | 'endedAt'
  | 'counts'
  | 'reused'
  | 'reusedNanoUsd'
  | 'usage'
  | 'costNanoUsd'
  | 'realtimeNanoUsd'
  | 'reservedNanoUsd'
  | 'isOverBudget'
>;

export interface RunChange {
  state?: RunState;
  note?: string;
  budgetNanoUsd?: number;
  deadlineAt?: number;
}

/** The way of a lane: one queue of jobs that may travel together. `sequential`: realtime, one after another. */
export type LaneMode = 'batch' | 'realtime' | 'sequential';

export interface LaneKey {
  provider: string;
  account: string;
  model: string;
  endpoint: string;
  mode: LaneMode;
}

export interface Lane extends LaneKey {
  id: number;
  runId: string;
  /** When the first queued job may be sent. */
  readyAt: number;
  /** The batch that warms the cache, while it has not ended: the others wait for it. */
  isPriming: boolean;
}

/** By what the most is reckoned that a request can cost, for runs with a budget; absent: nobody can say. */
export interface CostBound {
  price: Price;
  inBatch: boolean;
}

/** What an account takes over all its batches that have not ended; absent model: over all models. */
export interface EnqueuedRoom {
  unit: 'tokens' | 'requests';
  account: string;
  model?: string;
  limit: number;
}

/** A batch that somebody else submitted, brought in with its results. */
export interface ImportedBatch {
  provider: string;
  account: string;
  model: string;
  remoteId: string;
  endpoint: string;
  /** When the provider was done with it; absent: it does not say, and `now` stands for it. */
  endedAt?: number;
  now: number;
}

export interface ImportedRow {
  key: string;
  position: number;
  row: Omit<BookRow, 'job' | 'attempt' | 'next'>;
}

export interface CostRow {
  /** `2026-11-20`, UTC. */
  day: string;
  runId: string;
  provider: string;
  model: string;
  realtime: boolean;
  attempts: number;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  costNanoUsd: number;
  /** What the same tokens would have cost in realtime. */
  realtimeNanoUsd: number;
  /** Attempts whose model has no known price; their cost is not in the sum. */
  unpriced: number;
}

export interface NewJob {
  /** Unique in the run; well-formed Unicode (a lone surrogate is `usage`: no store could tell two of them apart). */
  key: string;
  position: number;
  /** Absent: its run's. */
  priority?: number;
  /** Absent when the job is skipped. */
  request?: { lane: LaneKey; body: string; size: RequestSize };
  skip?: { code: string; message: string };
}

export interface AddOptions {
  now: number;
  reuse: boolean;
  /** Give keys that were skipped or failed another chance when they come again. */
  reopen: boolean;
}

export interface AddedJobs {
  added: number;
  skipped: number;
  reused: number;
  reopened: number;
  /** Keys the run had already. */
  known: number;
  /** Known keys whose request differs from the one that was sent. */
  changed: string[];
  /** The run takes no more: it was sealed or cancelled meanwhile. */
  closed: boolean;
}

export interface ReadOptions {
  after?: number;
  limit: number;
  states?: readonly JobState[];
}

/** What a worker may touch: runs, and the provider accounts it has keys for. */
export interface Scope {
  runId?: string;
  /** Batches of other runs that are followed too. */
  batchIds?: readonly number[];
  /** Absent: of every account, to look at. */
  accounts?: readonly string[];
}

export interface LeaseRequest {
  owner: string;
  now: number;
  leaseMs: number;
}

export interface Lease {
  batchId: number;
  generation: number;
}

/** What still fits into a batch; `maxBytes` and `maxInputs` are what an empty one holds. */
export interface PackRoom {
  requests: number;
  bytes: number;
  maxBytes: number;
  /** Inputs of embedding requests; absent, both: no limit is known. */
  inputs?: number;
  maxInputs?: number;
  /** Estimated tokens; absent: no limit is known. */
  tokens?: number;
  now: number;
  /** Bytes that stand around a request's body and its custom id in the batch's body. */
  lineOverhead: number;
  bound?: CostBound;
}

export interface PackedJobs {
  packed: number;
  bytes: number;
  tokens: number;
  inputs: number;
  /** Jobs that left the queue without being sent: they follow one that is under way, or took its answer. */
  spared: number;
  /** The next job did not fit. */
  full: boolean;
  /** The next job did not fit into the run's budget. */
  overBudget: boolean;
  /** Jobs larger than a whole batch may be, in bytes or inputs; failed, with the reason. */
  oversize: number;
}

export interface ClaimedJob {
  job: number;
  attempt: number;
  key: string;
  endpoint: string;
  body: string;
}

export interface BatchRequest {
  job: number;
  attempt: number;
  body: string;
}

export interface AttemptPage {
  afterJob: number;
  /** Not beyond this job; to search many for the few that are open takes its time. */
  untilJob?: number;
  limit: number;
  /** Only those that have no outcome yet. */
  openOnly: boolean;
  /** Leave out so many first. */
  skip?: number;
}

export interface BatchChange {
  state?: BatchState;
  nextAt?: number;
  tries?: number;
  refusals?: number;
  notFound?: number;
  sha256?: string;
  remoteId?: string | null;
  inputFileId?: string | null;
  rawStatus?: string;
  counts?: RowCounts;
  absences?: number;
  absentSince?: number | null;
  cancelRequested?: boolean;
  hedged?: boolean;
  errorCode?: string | null;
  errorMessage?: string | null;
  submittedAt?: number;
  endedAt?: number;
  expiresAt?: number;
}

/** How long a batch took; stopped before its end, it would have taken longer than that. */
export interface BatchDuration {
  durationMs: number;
  wasStopped: boolean;
}

/** What an attempt came to, and what becomes of its job. */
export interface BookRow {
  job: number;
  attempt: number;
  /** `returned`: it was never sent (the batch was refused or dissolved); the attempt does not count. */
  outcome: 'succeeded' | 'failed' | 'expired' | 'cancelled' | 'lost' | 'returned';
  /** `retry`: back to the queue while the job has attempts left, else failed. `queued`: back in any case. */
  next: 'succeeded' | 'failed' | 'cancelled' | 'retry' | 'queued';
  /** For `retry` and `queued`: not before this moment. */
  availableAt?: number;
  at: number;
  output?: string;
  response?: string;
  finishReason?: string;
  errorCode?: string;
  errorMessage?: string;
  usage?: Usage;
  costNanoUsd?: number;
  realtimeNanoUsd?: number;
  /** The request of the next attempt, when the answer is to be mended: once a job; after that `retry` means failed. */
  correction?: string;
  /** It may have been charged though nobody saw an answer: its part of the budget stays reserved. */
  mayBeCharged?: boolean;
}

export interface BookedRows {
  succeeded: number;
  retried: number;
  failed: number;
  cancelled: number;
  /** Rows that were booked under this lease already: the line came twice. */
  duplicates: BookRow[];
  /** Rows that were booked under an earlier lease: the results are being read again after a crash. */
  repeated: number;
  /** Rows whose attempt does not belong to this batch. */
  unknown: BookRow[];
}

export interface QuarantinedLine {
  customId?: string;
  reason: 'unknown_id' | 'duplicate' | 'malformed';
  line: string;
}
