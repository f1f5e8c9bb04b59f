import type { Batch, BatchState, RowCounts } from './batch.ts';
import type { JobState } from './job.ts';
import type { Run, RunState } from './run.ts';
import type { ResultRow } from './sink.ts';
import type { Usage } from './usage.ts';

/**
 * PORT: the only truth. Every method is atomic: all of it happened, durably, when its promise resolves, or nothing did.
 * Any number of processes work on one store. A write that carries a Lease changes nothing and throws `conflict` when the
 * batch has been claimed by somebody else since. Arrays are chunks: callers keep them at `chunkRows` at most, so that no
 * call holds the event loop longer than about 20 ms.
 * Faults: `store_locked`, `store_full`, `store_corrupt`, `store_failed`, each with the place and the remedy.
 */
export interface Store {
  // Runs
  /** The unfinished run of the same fingerprint, or a new one; always a new one when it is `fresh`. */
  createRun(run: NewRun, now: number): Promise<{ run: Run; attached: boolean }>;
  getRun(id: string): Promise<Run | undefined>;
  /** Newest first. */
  listRuns(filter?: { limit?: number; idPrefix?: string; unfinished?: boolean }): Promise<Run[]>;
  /** Sets state and note. A move that `runMoves` does not allow, or `ended` while a job is unfinished, changes nothing. */
  updateRun(id: string, change: { state?: RunState; note?: string }, now: number): Promise<Run>;

  // Jobs
  /**
   * Adds jobs to an open run, in order; to any other nothing, and says `closed`. A key that the run has already is left alone, unless it was skipped or failed and
   * `reopen` asks to try again. With `reuse`, a job whose exact request succeeded before, in any run, gets that result.
   */
  addJobs(runId: string, jobs: readonly NewJob[], options: AddOptions): Promise<AddedJobs>;
  /**
   * A chunk of ended jobs back to `queued` with all their attempts ahead of them; returns how many, 0 when done. A run
   * that had ended runs again, in the same transaction.
   */
  requeueJobs(runId: string, states: readonly ('failed' | 'cancelled')[]): Promise<number>;
  /** Cancels a chunk of the jobs that no batch and no call holds; returns how many, 0 when none is left. */
  cancelQueuedJobs(runId: string): Promise<number>;
  /** The results of a run in input order; `after` is the last row's job. */
  readResults(runId: string, options: ReadOptions): Promise<ResultRow[]>;

  // Work
  /** The lanes of these runs that have queued jobs, and when the first of them may be sent. */
  findLanes(scope: Scope, now: number): Promise<Lane[]>;
  /** From now on the lane's jobs go this way, or in batches of at most so many requests. */
  updateLane(laneId: number, change: { mode?: LaneMode; maxRequests?: number }): Promise<void>;
  /**
   * Gives a run's unsent work to another account, queued or packed; uploads are forgotten. Changes nothing, and says
   * false, while the old account may hold a batch of it.
   */
  moveAccount(runId: string, from: string, to: string): Promise<boolean>;
  /** A new batch in `packing`, leased to the owner. */
  openBatch(laneId: number, nonce: string, owner: LeaseRequest): Promise<Batch>;
  /** Claims the next queued jobs of the batch's lane into it, by priority, then arrival; at most `chunkRows`. */
  packJobs(lease: Lease, room: PackRoom): Promise<PackedJobs>;
  /** Claims queued jobs of a lane for realtime calls, with a lease. */
  claimJobs(laneId: number, limit: number, owner: LeaseRequest): Promise<ClaimedJob[]>;
  /** Leases the open batch that is most due: ended ones first, so that finished work frees its place. */
  claimBatch(scope: Scope, owner: LeaseRequest): Promise<Batch | undefined>;
  /** When the next open batch of the scope is due; undefined when there is none. */
  nextDue(scope: Scope): Promise<number | undefined>;
  /** Changes a batch; with `release`, gives the lease back. */
  updateBatch(lease: Lease, change: BatchChange, now: number, release?: 'release'): Promise<Batch>;
  /** The requests of a batch in job order, after `afterJob`. */
  readRequests(batchId: number, afterJob: number, limit: number): Promise<BatchRequest[]>;
  /** The batch's jobs from `packed` to `running`, a chunk; returns the last job, undefined when done. */
  startJobs(lease: Lease, afterJob: number): Promise<number | undefined>;
  /** Books attempts with their outcomes; `batchId` absent for realtime. Says which rows were not booked, and why. */
  book(rows: readonly BookRow[], lease: Lease | undefined): Promise<BookedRows>;
  /** Attempts of a batch, in the order in which their requests were sent, which is job order. */
  readAttempts(batchId: number, page: AttemptPage): Promise<{ job: number; attempt: number }[]>;
  /** Keeps lines that match nothing that was sent. */
  quarantine(lease: Lease, lines: readonly QuarantinedLine[]): Promise<void>;

  // Leases
  renewLeases(owner: string, until: number): Promise<void>;
  /** Owners that hold a lease now. */
  listOwners(): Promise<string[]>;
  /** Frees all leases of an owner that has stopped; its realtime calls in flight go back to the queue. */
  releaseOwner(owner: string, now: number): Promise<void>;
  /** Frees the leases that have lapsed; returns how many. */
  releaseLapsed(now: number): Promise<number>;

  // Viewing
  listBatches(filter?: { runId?: string; limit?: number; openOnly?: boolean }): Promise<Batch[]>;
  getJobKeys(jobs: readonly number[]): Promise<Map<number, string>>;
  /** Sums that must hold, as a list of violations; empty when all is well. */
  check(): Promise<string[]>;
  close(): Promise<void>;
}

/** Most rows that one call of the store takes or gives. */
export const chunkRows = 500;

export type NewRun = Omit<
  Run,
  'state' | 'createdAt' | 'endedAt' | 'counts' | 'reused' | 'usage' | 'costNanoUsd' | 'realtimeNanoUsd'
>;

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
}

export interface NewJob {
  /** Unique in the run; well-formed Unicode (a lone surrogate is `usage`: no store could tell two of them apart). */
  key: string;
  position: number;
  /** Absent when the job is skipped. */
  request?: { lane: LaneKey; body: string };
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

/** What still fits into a batch; `maxBytes` is what an empty one holds. */
export interface PackRoom {
  requests: number;
  bytes: number;
  maxBytes: number;
  now: number;
  /** Bytes of a request in the batch's body. */
  lineBytes(bodyBytes: number, customId: string): number;
}

export interface PackedJobs {
  packed: number;
  bytes: number;
  /** The next job did not fit. */
  full: boolean;
  /** Jobs larger than a whole batch may be; failed, with the reason. */
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
  errorCode?: string | null;
  errorMessage?: string | null;
  submittedAt?: number;
  endedAt?: number;
  expiresAt?: number;
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
