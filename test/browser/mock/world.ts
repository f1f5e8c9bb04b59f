import type { Batch, BatchDetails } from '../../../src/service/contract/batches.ts';
import type { DeliveryDetails, ServerEvent } from '../../../src/service/contract/deliveries.ts';
import type { JobDetails } from '../../../src/service/contract/jobs.ts';
import type { Costs } from '../../../src/service/contract/money.ts';
import type { Health } from '../../../src/service/contract/operations.ts';
import type { Alert } from '../../../src/service/contract/overview.ts';
import type { RunDetails } from '../../../src/service/contract/runs.ts';
import type { Providers, Settings } from '../../../src/service/contract/settings.ts';

/**
 * What the mock server knows. Rows stand as the API shows them, the newest first; they may be changed by routes and by
 * tests. `jobs` is a function so that a million of them need no memory.
 */
export interface World {
  now: number;
  runs: RunDetails[];
  batches: BatchDetails[];
  jobs: Jobs;
  /** Where the jobs of a run begin, so that nobody looks through all. */
  firstJob: Map<string, number>;
  deliveries: DeliveryDetails[];
  alerts: Alert[];
  settings: Settings;
  providers: Providers['providers'];
  health: Health;
  costs: Record<Costs['by'], Costs['rows']>;
  events: ServerEvent[];
}

export interface Jobs {
  /** Numbers run from 1 to this. */
  count: number;
  get(number: number): JobDetails | undefined;
  /** Replaces what the number gives, or adds the next one. */
  put(number: number, job: JobDetails): void;
  numberOf(jobId: string): number | undefined;
}

export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

export const isoAt = (at: number): string => new Date(Math.round(at)).toISOString();
export const dayAt = (at: number): string => isoAt(at).slice(0, 10);

export const defaultSettings: Settings = {
  schedule: { enabled: true, time: '02:00', time_zone: 'Europe/Berlin' },
  triggers: { schedule: true, count: null, age_minutes: null, full: true },
  queue_triggers: {},
  default_models: {},
  alerts: {
    high_failure_rate_percent: 10,
    stale_batch_hours: 48,
    large_queue_jobs: 10_000,
    savings_milestone_usd: 1000,
    disk_free_percent: 10,
    monthly_budget_usd: null,
  },
  alert_channels: [],
  webhooks: [],
  daily_report: false,
};

export function emptyWorld(now: number): World {
  return {
    now,
    runs: [],
    batches: [],
    jobs: createJobs(0, () => undefined),
    firstJob: new Map(),
    deliveries: [],
    alerts: [],
    settings: structuredClone(defaultSettings),
    providers: [
      { name: 'openai', account: 'sk-…4f2a', simulated: false, batch: true, address: null, ok: null, detail: null },
    ],
    health: {
      status: 'healthy',
      redis_connected: true,
      store_connected: true,
      queue_size: 0,
      active_batches: 0,
      reasons: [],
      version: '0.2.0',
      timestamp: isoAt(now),
    },
    costs: { day: [], job_type: [], provider: [], model: [], run: [] },
    events: [],
  };
}

export function createJobs(count: number, make: (number: number) => JobDetails | undefined): Jobs {
  const changed = new Map<number, JobDetails>();
  const jobs: Jobs = {
    count,
    get: (number) => changed.get(number) ?? make(number),
    put(number, job) {
      changed.set(number, job);
      jobs.count = Math.max(jobs.count, number);
    },
    numberOf(jobId) {
      const number = Number.parseInt(jobId.slice(jobId.lastIndexOf('_') + 1), 36);
      if (Number.isInteger(number) && jobs.get(number)?.job_id === jobId) return number;
      for (const [each, job] of changed) if (job.job_id === jobId) return each;
      return undefined;
    },
  };
  return jobs;
}

export function toBatch(details: BatchDetails): Batch {
  const { input_file_id, sha256, bytes, estimated_tokens, quarantined, cancel_requested, timeline, ...batch } = details;
  return batch;
}

export const noCounts: RunDetails['counts'] = {
  total: 0,
  queued: 0,
  packed: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
};
