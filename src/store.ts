import type { Batch } from './batch.ts';
import type { Run } from './run.ts';
import type { ResultRow } from './sink.ts';
import type {
  AddedJobs,
  AddOptions,
  AttemptPage,
  BatchChange,
  BatchDuration,
  BatchRequest,
  BookedRows,
  BookRow,
  ClaimedJob,
  CostBound,
  CostRow,
  EnqueuedRoom,
  ImportedBatch,
  ImportedRow,
  Lane,
  LaneMode,
  Lease,
  LeaseRequest,
  NewJob,
  NewRun,
  PackedJobs,
  PackRoom,
  QuarantinedLine,
  ReadOptions,
  RunChange,
  Scope,
} from './store-rows.ts';

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
  /** Sets state, note or budget. A move that `runMoves` does not allow, or `ended` while a job is unfinished, changes nothing. */
  updateRun(id: string, change: RunChange, now: number): Promise<Run>;

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
  /**
   * The results of a run in input order; `after` is the last row's job. Long answers end a page before `limit`: only an
   * empty one says that there are no more.
   */
  readResults(runId: string, options: ReadOptions): Promise<ResultRow[]>;

  // Work
  /** The lanes of these runs that have queued jobs, and when the first of them may be sent. */
  findLanes(scope: Scope, now: number): Promise<Lane[]>;
  /** From now on the lane's jobs go this way. */
  updateLane(laneId: number, change: { mode: LaneMode }): Promise<void>;
  /**
   * Gives a run's unsent work to another account, queued or packed; uploads are forgotten. False: the old account may
   * hold a batch of it, which stays there.
   */
  moveAccount(runId: string, from: string, to: string): Promise<boolean>;
  /**
   * A new batch in `packing`, leased to the owner. The first one of a lane whose run primes the provider's cache is the
   * primer; until it has ended, the lane says `isPriming`.
   */
  openBatch(laneId: number, nonce: string, owner: LeaseRequest): Promise<Batch>;
  /**
   * Claims the next queued jobs of the batch's lane into it, by priority, then arrival; at most `chunkRows`. A job whose
   * exact request is under way already, in any run, follows that one and is not sent; one that was answered meanwhile
   * takes the answer. A run's budget is reserved here, and never exceeded.
   */
  packJobs(lease: Lease, room: PackRoom): Promise<PackedJobs>;
  /**
   * Claims queued jobs of a lane for realtime calls, with a lease; follows, reuses and reserves as `packJobs` does, but a
   * lane that is not in batches follows none of another run that is, or will be.
   */
  claimJobs(laneId: number, limit: number, owner: LeaseRequest, bound?: CostBound): Promise<ClaimedJob[]>;
  /** Leases the open batch that is most due: ended ones first, so that finished work frees its place. */
  claimBatch(scope: Scope, owner: LeaseRequest): Promise<Batch | undefined>;
  /** When the next open batch of the scope is due; undefined when there is none. */
  nextDue(scope: Scope): Promise<number | undefined>;
  /**
   * From `packed` to `submitting`, when the account has room for it beside what is enqueued there; undefined when it
   * has not.
   */
  admitBatch(lease: Lease, room: EnqueuedRoom, now: number): Promise<Batch | undefined>;
  /** Changes a batch; with `release`, gives the lease back. The end of one wakes those that wait for its room. */
  updateBatch(lease: Lease, change: BatchChange, now: number, release?: 'release'): Promise<Batch>;
  /** What an account's provider was found to take, in the unit of its limit; `model` is `*` for all models. */
  learnLimit(account: string, model: string, limit: number | undefined, now: number): Promise<void>;
  getLimit(account: string, model: string): Promise<{ limit: number; learnedAt: number } | undefined>;
  /** No batch of the account is looked at before then. */
  restAccount(account: string, until: number): Promise<void>;
  /** The requests of a batch in job order, after `afterJob`. */
  readRequests(batchId: number, afterJob: number, limit: number): Promise<BatchRequest[]>;
  /** The batch's jobs from `packed` to `running`, a chunk; returns the last job, undefined when done. */
  startJobs(lease: Lease, afterJob: number): Promise<number | undefined>;
  /** Books attempts with their outcomes; `batchId` absent for realtime. Says which rows were not booked, and why. */
  book(rows: readonly BookRow[], lease: Lease | undefined): Promise<BookedRows>;
  /** Attempts of a batch, in the order in which their requests were sent, which is job order. */
  readAttempts(batchId: number, page: AttemptPage): Promise<{ job: number; attempt: number }[]>;
  /**
   * A late batch's unfinished jobs back to `queued`, their attempts left open, a chunk; returns the last job, undefined
   * when done.
   */
  hedgeJobs(lease: Lease, afterJob: number): Promise<number | undefined>;
  /**
   * Jobs that follow one that has ended take its answer, or go their own way; a chunk, of all runs; returns how many, 0
   * when done. Booking only notes that it is to be done: one job may have any number of followers.
   */
  settleFollowers(): Promise<number>;
  /**
   * A chunk of those in other runs that jobs of this run follow: the ones that nobody works on are followed no more;
   * returns the batches that hold the others, and the last that was looked at, undefined when done.
   */
  checkFollowers(runId: string, afterLeader: number): Promise<{ batchIds: number[]; lastLeader: number | undefined }>;
  /**
   * A chunk of this run's jobs that others follow: the ones that wait for a larger budget are followed no more; returns
   * the last that was looked at, undefined when done.
   */
  leaveUnpaid(runId: string, afterLeader: number): Promise<number | undefined>;
  /** A chunk of this run's jobs that follow one in another run's batch go their own way; returns how many, 0 when done. */
  leaveBatches(runId: string): Promise<number>;
  /** Keeps lines that match nothing that was sent. */
  quarantine(lease: Lease, lines: readonly QuarantinedLine[]): Promise<void>;

  // Leases
  renewLeases(owner: string, until: number): Promise<void>;
  /** Owners that hold a lease now. */
  listOwners(): Promise<string[]>;
  /**
   * Frees all leases of an owner that has stopped, and of a process those of its workers (`processOf`); its realtime calls
   * in flight go back to the queue.
   */
  releaseOwner(owner: string, now: number): Promise<void>;
  /** Frees the leases that have lapsed; returns how many. */
  releaseLapsed(now: number): Promise<number>;

  // Batches of others
  /** Which of these remote batches of an account are known; `submitted`: only those that were sent from here. */
  findRemotes(account: string, remoteIds: readonly string[], which?: 'submitted'): Promise<Set<string>>;
  /** Adds ended results that were submitted elsewhere; a key that the run has already is left alone. Returns how many were new. */
  importResults(runId: string, remote: ImportedBatch, rows: readonly ImportedRow[]): Promise<number>;

  // Viewing
  /**
   * How long the account's last batches of a model took from their creation to their end, newest first. One that the
   * provider was asked to stop, by a person or for a deadline's sake, is told apart: it is known to take at least so long.
   */
  listDurations(account: string, model: string, limit: number): Promise<BatchDuration[]>;
  /** Sums of what was spent, by day (UTC), run, provider and model; without `simulated` also what the sandbox made up. */
  listCosts(filter?: { runId?: string; since?: string; simulated?: boolean }): Promise<CostRow[]>;
  listBatches(filter?: { runId?: string; limit?: number; openOnly?: boolean }): Promise<Batch[]>;
  getJobKeys(jobs: readonly number[]): Promise<Map<number, string>>;
  /** Sums that must hold, as a list of violations; empty when all is well. */
  check(): Promise<string[]>;
  close(): Promise<void>;
}
