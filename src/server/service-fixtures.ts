import { OffpeakError } from '../errors.ts';
import type { BatchDetails, Result } from '../service/contract/batches.ts';
import type { ServerEvent } from '../service/contract/deliveries.ts';
import type { Dashboard, Metrics, Report } from '../service/contract/overview.ts';
import type { RunDetails } from '../service/contract/runs.ts';
import type { Settings } from '../service/contract/settings.ts';
import type { QueueInput, QueueOutcome, Service } from '../service/service.ts';

/** A service that keeps everything in memory and whose answers are as the contract has them. */

export const at = '2026-11-20T12:00:00.000Z';

export interface FakeService extends Service {
  queued: QueueInput[];
  rows: Result[];
  happened: ServerEvent[];
  runEnded: boolean;
  batchStatus: BatchDetails['status'];
  calls: string[];
  current: Settings;
  /** Outcome for an input, instead of `queued`. */
  outcome: ((input: QueueInput) => QueueOutcome | undefined) | undefined;
  /** Adds an event, as the store does. */
  happen(type: string, runId?: string): void;
}

export function createFakeService(): FakeService {
  const unknown = (id: string): never => {
    throw new OffpeakError(`There is no ${id}.`, { code: 'not_found' });
  };
  const fake: FakeService = {
    queued: [],
    rows: [],
    happened: [],
    runEnded: false,
    batchStatus: 'completed',
    calls: [],
    current: settings(),
    outcome: undefined,
    happen(type, runId = 'run-1') {
      const id = fake.happened.length + 1;
      fake.happened.push({ id, at, type, run_id: runId, batch_id: 'openai_1', detail: null });
    },
    queues: {
      async queue(inputs) {
        return inputs.map((input) => {
          const other = fake.outcome?.(input);
          if (other) return other;
          fake.queued.push(input);
          return { type: 'queued', jobId: `${input.jobType}_${fake.queued.length.toString(36)}`, runId: 'run-1' };
        });
      },
      status: async () => ({ total_queued: 0, breakdown: {}, queues: [] }),
      process: async ({ maxJobs }) => {
        fake.calls.push(`process ${maxJobs}`);
        return { runId: 'run-1', batches: [batch()], jobs: 1 };
      },
      processAll: async () => ['run-1'],
      settings: async () => fake.current,
      fault: () => undefined,
      changeSettings: async (decide) => {
        const given = Object.entries(decide(fake.current)).filter(([, value]) => value !== undefined);
        fake.current = { ...fake.current, ...Object.fromEntries(given) };
        return fake.current;
      },
      nextScheduled: async () => Date.parse(at),
      cancelJob: async (id) => (id === 'job_1' ? 'cancelled' : id === 'job_2' ? 'under_way' : unknown(id)),
      retryJob: async (id) => id === 'job_1',
      cancelBatch: async (id) => id === 'openai_1',
      cancelRun: async (id) => (id === 'run-1' ? undefined : unknown(id)),
      retryRun: async () => 3,
      retryFailed: async (filter) => {
        fake.calls.push(`retryFailed ${JSON.stringify(filter)}`);
        return 2;
      },
    },
    views: {
      batch: async (id) => (id === 'openai_1' ? batch(fake.batchStatus) : unknown(id)),
      batches: async () => ({ batches: [batch()], next_before: null }),
      active: async () => [batch('processing')],
      job: async (id) => unknown(id),
      jobs: async (filter) => {
        fake.calls.push(`jobs ${JSON.stringify(filter)}`);
        return { jobs: [], next_before: null };
      },
      run: async (id) => (id === 'run-1' ? run(fake.runEnded) : unknown(id)),
      runs: async () => ({ runs: [], next_before: null }),
      results: async ({ after, limit }) => fake.rows.filter(({ cursor }) => cursor > after).slice(0, limit),
      events: async ({ after, limit, runId }) => {
        fake.calls.push('events');
        return fake.happened
          .filter(({ id, run_id }) => id > after && (runId === undefined || run_id === runId))
          .slice(0, limit);
      },
      lastEventId: async () => fake.happened.length,
      savings: async () => savings,
      costs: async (by, since) => ({ by, since, rows: [] }),
      metrics: async () => metrics,
      dashboard: async () => dashboard,
      report: async (days) => report(days),
      markdownReport: async (days) => `# Report of ${days} days`,
      providers: async () => ({ providers: [] }),
      health: async () => ({
        status: 'healthy',
        redis_connected: true,
        store_connected: true,
        queue_size: 0,
        active_batches: 0,
        reasons: [],
        version: '1.2.3',
        timestamp: at,
      }),
    },
    deliveries: {
      list: async () => ({ deliveries: [], next_before: null }),
      get: async (id) => unknown(`delivery ${id}`),
      redeliver: async (id) => (id === 1 ? undefined : unknown(`delivery ${id}`)),
      signingSecret: async () => 'whsec_old',
      rotateSigningSecret: async () => 'whsec_new',
    },
    alerts: { list: async () => [] },
    start() {},
    async close() {},
  };
  return fake;
}

export function result(cursor: number, output = `answer ${cursor}`): Result {
  return {
    cursor,
    job_id: `creative_scoring_${cursor}`,
    key: String(cursor),
    run_id: 'run-1',
    batch_id: 'openai_1',
    job_type: 'creative_scoring',
    provider: 'openai',
    model: 'gpt-5-mini',
    status: 'succeeded',
    data: { n: cursor },
    output,
    response: null,
    finish_reason: 'stop',
    error: null,
    usage: { input_tokens: 1, output_tokens: 1 },
    cost_usd: 0.001,
  };
}

function batch(status: BatchDetails['status'] = 'completed'): BatchDetails {
  return {
    batch_id: 'openai_1',
    provider: 'openai',
    model: 'gpt-5-mini',
    job_type: 'creative_scoring',
    run_id: 'run-1',
    provider_batch_id: 'batch_abc',
    status,
    state: 'collected',
    job_count: 1,
    succeeded: 1,
    failed: 0,
    cost_usd: 0.001,
    cost_savings: 0.001,
    created_at: at,
    submitted_at: at,
    completed_at: at,
    expires_at: null,
    age_hours: 1,
    expected_end_at: null,
    error: null,
    provider_status: null,
    input_file_id: null,
    sha256: null,
    bytes: 100,
    estimated_tokens: 10,
    quarantined: 0,
    cancel_requested: false,
    timeline: [],
  };
}

function run(isEnded: boolean): RunDetails {
  return {
    run_id: 'run-1',
    name: null,
    job_type: 'creative_scoring',
    provider: 'openai',
    model: 'gpt-5-mini',
    state: isEnded ? 'ended' : 'running',
    mode: 'batch',
    simulated: true,
    created_at: at,
    ended_at: isEnded ? at : null,
    counts: { total: 1, queued: 0, packed: 0, running: 1, succeeded: 0, failed: 0, cancelled: 0, skipped: 0 },
    reused: 0,
    cost_usd: null,
    cost_savings: null,
    budget_usd: null,
    deadline_at: null,
    note: null,
    usage: { input_tokens: 0, output_tokens: 0, cached_tokens: 0 },
    reserved_usd: 0,
    is_over_budget: false,
    failures: [],
    batches: [],
  };
}

const six = {
  jobs_queued: 1,
  jobs_processed: 1,
  batches_submitted: 1,
  batches_completed: 1,
  batches_failed: 0,
  cost_savings: 0,
};
const metrics: Metrics = { by_category: { creative_scoring: six }, totals: six, current_queue_size: 0 };
const savings = {
  total_savings: 1,
  savings_by_type: {},
  savings_by_provider: { openai: 1 },
  savings_by_model: {},
  realtime_cost: 2,
  batch_cost: 1,
  savings_percentage: 50,
  jobs_processed: 1,
  unpriced_jobs: 0,
};
const queue = { job_type: 'creative_scoring', provider: 'openai', run_id: 'run-2', count: 7 };
const dashboard: Dashboard = {
  overview: {
    total_jobs_queued: 12,
    total_jobs_processed: 3,
    total_batches_submitted: 1,
    total_batches_completed: 1,
    active_batches: 1,
    success_rate: 66.67,
    total_cost_savings: 1,
    jobs_under_way: 2,
    jobs_failed: 1,
  },
  active_batches: [],
  queue_breakdown: {},
  queues: [{ ...queue, priorities: [], bytes: 1, oldest_at: at, next_send_at: null }],
  cost_savings: savings,
  metrics_by_category: { creative_scoring: six },
  recent_activity: [],
  performance_trends: { jobs_per_batch: 1, success_rate: 66.67, failure_rate: 33.33, avg_cost_savings_per_batch: 1 },
  days: [],
  alerts: [],
  schedule: { enabled: true, time: '02:00', time_zone: 'UTC', next_at: at },
  simulated: true,
  last_updated: at,
};

function report(days: number): Report {
  return {
    period: { start: at, end: at, days },
    metrics: {
      period_start: at,
      period_end: at,
      total_jobs: 0,
      total_batches: 0,
      completed_batches: 0,
      failed_batches: 0,
      total_cost_savings: 0,
      avg_batch_size: 0,
      success_rate: 0,
      by_job_type: {},
      by_provider: {},
      by_model: {},
    },
    cost_savings: savings,
    slowest_batches: [],
    failures: [],
    alerts: [],
  };
}

export function settings(): Settings {
  return {
    schedule: { enabled: true, time: '02:00', time_zone: 'UTC' },
    triggers: { schedule: true, count: 10, age_minutes: null, full: true },
    queue_triggers: {},
    default_models: {},
    alerts: {
      high_failure_rate_percent: 10,
      stale_batch_hours: 48,
      large_queue_jobs: 10_000,
      savings_milestone_usd: 1_000,
      disk_free_percent: 10,
      monthly_budget_usd: null,
    },
    alert_channels: [],
    webhooks: [],
    daily_report: false,
  };
}
