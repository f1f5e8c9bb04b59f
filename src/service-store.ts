import type { JobState } from './job.ts';
import type { RequestSize } from './request.ts';
import type { LaneKey } from './store-rows.ts';

/**
 * PORT: what the always-on service keeps beside runs, jobs and batches: queues, settings, tokens, deliveries, alerts.
 * The same database as `Store`, the same rules: every method is atomic and durable, may be called by any number of
 * processes at the same time, and takes at most `chunkRows` rows.
 */
export interface ServiceStore {
  // Queues: jobs that are held until their queue is sent.
  /**
   * Adds jobs to the open run of their queue, which is made when there is none. All of them in one transaction; the
   * answers stand in the order of the jobs. The jobs are held: no worker sends them before `sealQueues` or `release`.
   * An idempotency key that is known gives the job it was first used for (`same` body) or `conflict`, as long as that
   * job is stored. A job's key is its queue and its number in base 36: its public id.
   */
  enqueue(jobs: readonly QueuedJob[], now: number): Promise<Enqueued[]>;
  /**
   * Sends queues: their open runs take no more jobs, and what they hold may be packed. With a mark, only if that mark
   * was not set before, and sets it: a day's schedule runs once, whoever sees first that it is due. Returns the runs.
   */
  sealQueues(runIds: readonly string[], now: number, mark?: ScheduleMark): Promise<string[] | 'marked'>;
  /** The latest mark of a schedule, to catch up from. */
  lastMark(name: string): Promise<number | undefined>;
  /**
   * Lets the next held jobs of a run go, the highest priority first; a chunk, returns how many. The run stays open while
   * it holds others; with its last held job let go, or cancelled, it is sealed. `callbackUrl` is kept for the run's end,
   * if a job was let go.
   */
  release(runId: string, limit: number, callbackUrl?: string): Promise<number>;
  /** Where the end of a run is to be told. */
  listRunCallbacks(runId: string): Promise<string[]>;
  /** The queues that hold jobs now, with their open run. */
  listQueues(): Promise<QueueState[]>;
  /** Runs of queues with jobs that are still to be sent by another account than these, held or not. */
  listUnserved(accounts: readonly string[]): Promise<UnservedRun[]>;

  // Single jobs and batches
  /** `cancelled`, or why not: it is with a provider already, or it has ended. Undefined: there is no such job. */
  cancelJob(job: number): Promise<'cancelled' | 'under_way' | 'ended' | undefined>;
  /** A failed or cancelled job back to its queue, released, with all its attempts. False: it is in another state, or its run is being cancelled. */
  requeueJob(job: number): Promise<boolean | undefined>;
  /** Asks for the end of a batch: whoever works on it stops it at the provider. False: it has ended. */
  cancelBatch(batchId: number): Promise<boolean | undefined>;

  // Settings, at run time; JSON values by name
  getSettings(): Promise<Map<string, unknown>>;
  /**
   * Sets what `change` returns, which decides on what is set at that moment: nobody else's change comes between. All of
   * it in one transaction; what is not named stays. `change` may be called again, so it does nothing else; what it throws
   * is thrown as it is, and nothing is set. Returns all settings as they are then.
   */
  changeSettings(change: SettingsDecision, now: number): Promise<Map<string, unknown>>;

  // Tokens: only their hashes are stored
  /** `conflict`: the id or the hash is taken. */
  addToken(token: Token, hash: string): Promise<void>;
  /** Undefined for one that was revoked, too. */
  findToken(hash: string): Promise<Token | undefined>;
  listTokens(): Promise<Token[]>;
  /** False: there is none of that id, or it was revoked before. */
  revokeToken(id: string, now: number): Promise<boolean>;

  /** One process at a time does a duty (`deliveries`, `alerts` ...): true while it is ours, until then. */
  claimDuty(name: string, owner: string, now: number, until: number): Promise<boolean>;
  releaseDuties(owner: string): Promise<void>;

  // Deliveries: an outbox. What ended is planned from the feed of results, once.
  /**
   * Plans deliveries for results that have come since the last call and whose job wants one; a chunk, returns how many
   * results were looked at. A result that changes is planned again, unless the delivery of the former one still waits.
   */
  planDeliveries(now: number): Promise<number>;
  /** The deliveries that are due, leased; a lease that has lapsed is free. */
  claimDeliveries(owner: string, now: number, until: number, limit: number): Promise<Delivery[]>;
  /**
   * Books an attempt; `nextAt` absent: it was the last one, `delivered` or given up. Every attempt is on record, but only
   * under its own lease, which may have lapsed, does it say what becomes of the delivery; `delivered` always does, and
   * what was delivered stays so. False: it said nothing, for somebody else has the delivery, or it was asked for again.
   */
  bookDelivery(
    id: number,
    lease: DeliveryLease,
    attempt: DeliveryAttempt,
    outcome: DeliveryState,
    nextAt?: number,
  ): Promise<boolean>;
  listDeliveries(filter: { state?: DeliveryState; job?: number; before?: number; limit: number }): Promise<Delivery[]>;
  getDelivery(id: number): Promise<{ delivery: Delivery; attempts: DeliveryAttempt[] } | undefined>;
  /**
   * Due again now, with all its time: `firstAt` begins anew, and an attempt that is under way has lost its lease. False:
   * there is none.
   */
  redeliver(id: number, now: number): Promise<boolean>;
  /**
   * Gives a claimed delivery back untried, to be claimed again from then on; under a lease that was lost it changes
   * nothing. In `sqlite/outbox.ts`.
   */
  postponeDelivery(id: number, lease: DeliveryLease, nextAt: number): Promise<void>;
  /** Where a cursor stands; undefined: it was never moved. In `sqlite/outbox.ts`. */
  getCursor(name: string): Promise<number | undefined>;
  /**
   * Adds deliveries and moves a cursor, in one transaction: what is read from a feed is planned once. False: the cursor
   * stands elsewhere, for somebody else was first; nothing was added. In `sqlite/outbox.ts`.
   */
  planFrom(cursor: CursorMove, deliveries: readonly NewDelivery[], now: number): Promise<boolean>;

  // Alerts: raised once, resolved once. Both write an event (`alert_raised`, `alert_resolved`, the alert's id as its
  // detail) in the same transaction: whoever is to be told is planned from the feed of events.
  /** True: it was not raised before. Raising one that is raised renews its message and severity, without an event. */
  raiseAlert(alert: NewAlert, now: number): Promise<boolean>;
  /** True: it was raised and is resolved now. */
  resolveAlert(name: string, subject: string, now: number): Promise<boolean>;
  /** Newest first; of the open ones the critical before the others. */
  listAlerts(filter: { openOnly?: boolean; limit: number }): Promise<Alert[]>;
}

export interface QueuedJob {
  /** The job type: `creative_scoring`. One open run for each queue and provider, and another for the sandbox's. */
  queue: string;
  provider: string;
  account: string;
  /** Both of the run that is made when there is none; 3 attempts by default. */
  simulated: boolean;
  maxAttempts?: number;
  model: string;
  priority: number;
  request: { lane: LaneKey; body: string; size: RequestSize };
  /** What the caller gave, JSON text: shown with the job, never sent. */
  data: string;
  callbackUrl?: string;
  /** `hash` is of what the caller asked for: the same key with another hash is a conflict. */
  idempotency?: { key: string; hash: string };
}

export type Enqueued = { type: 'queued' | 'same'; job: number; runId: string } | { type: 'conflict' };

export interface ScheduleMark {
  /** `nightly`, or what names the schedule. */
  name: string;
  dueAt: number;
}

export interface QueueState {
  runId: string;
  queue: string;
  provider: string;
  /** Of the sandbox. */
  simulated: boolean;
  /** Jobs that are held. */
  held: number;
  /** Held jobs by priority, highest first. */
  priorities: { priority: number; jobs: number }[];
  /** Of the held jobs' requests. */
  bytes: number;
  /** When the oldest held job was queued. */
  oldestAt: number;
}

export interface UnservedRun {
  runId: string;
  queue: string;
  provider: string;
  /** The other account. */
  account: string;
  simulated: boolean;
}

/** Which settings get which value, by those that are set. */
export type SettingsDecision = (settings: ReadonlyMap<string, unknown>) => ReadonlyMap<string, unknown>;

export const tokenRoles = ['read', 'queue', 'admin'] as const;
/** Each may do what those before it may. */
export type TokenRole = (typeof tokenRoles)[number];

export interface Token {
  /** Public: names it in lists and logs. */
  id: string;
  name: string;
  role: TokenRole;
  createdAt: number;
  revokedAt?: number;
}

export const deliveryStates = ['pending', 'delivered', 'failed'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

export interface NewDelivery {
  /** `job.ended`, `run.ended`, `alert.raised` ... */
  event: string;
  url: string;
  /** JSON text, exactly as it is sent and signed. */
  body: string;
  job?: number;
  runId?: string;
}

/** For a job's end the body is made when it is sent: results stand in the store already. */
export interface Delivery {
  id: number;
  event: string;
  url: string;
  /** Undefined for `job.ended`. */
  body?: string;
  job?: number;
  runId?: string;
  state: DeliveryState;
  attempts: number;
  createdAt: number;
  nextAt?: number;
  /** Of the first attempt since it was planned, or was asked for again; undefined: there was none yet. */
  firstAt?: number;
  /** Of the last attempt. */
  lastStatus?: number;
  lastError?: string;
}

/** `from` undefined: it was never moved. */
export interface CursorMove {
  name: string;
  from: number | undefined;
  to: number;
}

/** As it was claimed: another claim, by the same owner too, is another lease. */
export interface DeliveryLease {
  owner: string;
  until: number;
}

export interface DeliveryAttempt {
  at: number;
  durationMs: number;
  /** The other side's HTTP status. */
  status?: number;
  error?: string;
}

export const alertSeverities = ['info', 'warning', 'critical'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

export interface NewAlert {
  /** `high_failure_rate`, `stale_batch` ... */
  name: string;
  /** What it is about: a batch, a queue, an account; empty when there is only one. */
  subject: string;
  severity: AlertSeverity;
  title: string;
  message: string;
}

export interface Alert extends NewAlert {
  id: number;
  raisedAt: number;
  resolvedAt?: number;
}

/** States of a job that a person may ask to try again. */
export const requeueableStates: readonly JobState[] = ['failed', 'cancelled'];
