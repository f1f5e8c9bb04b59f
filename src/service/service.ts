import type { Batch, BatchDetails, Result } from './contract/batches.ts';
import type { DeliveriesPage, DeliveryDetails, ServerEvent } from './contract/deliveries.ts';
import type { JobDetails, JobsPage } from './contract/jobs.ts';
import type { Costs, Savings } from './contract/money.ts';
import type { Health } from './contract/operations.ts';
import type { Alert, Dashboard, Metrics, Report } from './contract/overview.ts';
import type { QueueStatus } from './contract/queue.ts';
import type { BatchesPage, RunDetails, RunsPage } from './contract/runs.ts';
import type { Providers, Settings, SettingsChange } from './contract/settings.ts';

/**
 * The always-on service over one store: queues that are sent by triggers, what people look at, deliveries and alerts.
 * No HTTP here: `server/` gives it one. Answers have the shapes of the contract. Ids in and out are the public ones
 * (`creative_scoring_3f8k2m1`, `openai_12`); an unknown one is `not_found`.
 */
export interface Service {
  readonly queues: Queues;
  readonly views: ServiceViews;
  readonly deliveries: Deliveries;
  readonly alerts: Alerts;
  /** Runs the duties (schedule, triggers, deliveries, alerts) until `close`. */
  start(): void;
  /** Ends the duties: at most a few seconds, nothing is left half done. */
  close(): Promise<void>;
}

export interface QueueInput {
  jobType: string;
  provider: string;
  data: Readonly<Record<string, unknown>>;
  priority: number;
  callbackUrl?: string;
  idempotencyKey?: string;
}

export type QueueOutcome =
  /** `same`: the idempotency key was used for exactly this before. `succeeded`: an earlier answer to the same request was taken. */
  | { type: 'queued' | 'same'; jobId: string; runId: string }
  /** Never sent as it is, with the reason; `field` names what is wrong. */
  | { type: 'refused'; field: string; message: string }
  | { type: 'conflict'; message: string };

export interface ProcessInput {
  jobType: string;
  provider: string;
  maxJobs: number;
  /** Gets `run.ended` when the run of these jobs has ended. */
  callbackUrl?: string;
}

export interface Processed {
  runId: string | undefined;
  batches: Batch[];
  jobs: number;
}

export interface QueueOptions {
  /** One of many pieces of a large call. */
  isPiece?: boolean;
}

export interface Queues {
  /**
   * Durable when it resolves. Calls at the same time share transactions, and are stored in the order in which they come.
   * Whoever has thousands of jobs gives them in pieces: those keep their order, and let other calls go before them.
   * Outcomes stand in the order of the inputs.
   */
  queue(inputs: readonly QueueInput[], options?: QueueOptions): Promise<QueueOutcome[]>;
  status(): Promise<QueueStatus>;
  /** Packs the next jobs of a queue by hand, the highest priority first, in as many batches as they need; the worker sends them. */
  process(input: ProcessInput): Promise<Processed>;
  /** Sends every queue; returns the runs. */
  processAll(): Promise<string[]>;
  settings(): Promise<Settings>;
  /**
   * Changes what `decide` returns, all of it or nothing. It is given what is set at that moment, which `settings` may not
   * know yet, and may be called again. Throws `usage` for a setting that cannot be, naming it.
   */
  changeSettings(decide: (settings: Settings) => SettingsChange): Promise<Settings>;
  /** Why jobs could not be stored just now: a full disk, a locked store. */
  fault(): string | undefined;
  /** When the schedule sends the queues next, milliseconds since 1970; undefined when it is off. */
  nextScheduled(): Promise<number | undefined>;
  cancelJob(jobId: string): Promise<'cancelled' | 'under_way' | 'ended'>;
  /** False: it is neither failed nor cancelled. */
  retryJob(jobId: string): Promise<boolean>;
  /** False: it has ended. */
  cancelBatch(batchId: string): Promise<boolean>;
  cancelRun(runId: string): Promise<void>;
  /** Returns how many jobs are queued again. */
  retryRun(runId: string, states: readonly ('failed' | 'cancelled')[]): Promise<number>;
  /** Failed jobs of all runs of a queue (or of all) back into work: the dead letters. */
  retryFailed(filter: { jobType?: string; provider?: string }): Promise<number>;
}

export interface PageOf {
  before?: number;
  limit: number;
}

export interface ServiceViews {
  batch(batchId: string): Promise<BatchDetails>;
  batches(
    filter: PageOf & { runId?: string; jobType?: string; provider?: string; openOnly?: boolean },
  ): Promise<BatchesPage>;
  active(): Promise<Batch[]>;
  job(jobId: string): Promise<JobDetails>;
  jobs(
    filter: PageOf & { runId?: string; batchId?: string; states?: readonly string[]; search?: string },
  ): Promise<JobsPage>;
  run(runId: string): Promise<RunDetails>;
  runs(filter: PageOf & { jobType?: string; provider?: string; state?: string; search?: string }): Promise<RunsPage>;
  /** In the order in which they came; a page after a cursor. */
  results(filter: { after: number; limit: number; runId?: string; batchId?: string }): Promise<Result[]>;
  events(filter: { after: number; limit: number; runId?: string; batchId?: string }): Promise<ServerEvent[]>;
  lastEventId(): Promise<number>;
  savings(): Promise<Savings>;
  costs(by: Costs['by'], since: string): Promise<Costs>;
  metrics(category?: string): Promise<Metrics>;
  dashboard(): Promise<Dashboard>;
  report(days: number): Promise<Report>;
  markdownReport(days: number): Promise<string>;
  /** With `check`, asks each provider whether address and key work. */
  providers(check: boolean): Promise<Providers>;
  health(): Promise<Health>;
}

export interface Deliveries {
  list(filter: PageOf & { state?: string; jobId?: string }): Promise<DeliveriesPage>;
  get(id: number): Promise<DeliveryDetails>;
  /** Again, now, with all its time. */
  redeliver(id: number): Promise<void>;
  /** What receivers check webhooks with: `whsec_...`, made when it is first asked for. For admins alone. */
  signingSecret(): Promise<string>;
  /** A new secret, returned; for a day the old one signs beside it. */
  rotateSigningSecret(): Promise<string>;
}

export interface Alerts {
  list(filter: { openOnly: boolean; limit: number }): Promise<Alert[]>;
}
