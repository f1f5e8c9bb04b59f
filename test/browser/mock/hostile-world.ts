import type { BatchDetails } from '../../../src/service/contract/batches.ts';
import type { JobDetails } from '../../../src/service/contract/jobs.ts';
import type { RunDetails } from '../../../src/service/contract/runs.ts';
import { createJobs, dayAt, emptyWorld, isoAt, noCounts, type World } from './world.ts';

/** A world in which every text that somebody else may write is one of the strings: row n says string n everywhere. */
export function hostileWorld(now: number, strings: readonly string[]): World {
  const world = emptyWorld(now);
  const at = isoAt(now - 60_000);
  world.runs = strings.map((text, index) => runOf(text, index, at));
  world.batches = strings.map((text, index) => batchOf(text, index, at));
  for (const [index, run] of world.runs.entries()) run.batches = world.batches.slice(index, index + 1);
  world.jobs = createJobs(0, () => undefined);
  for (const [index, text] of strings.entries()) {
    world.jobs.put(index + 1, jobOf(text, index, at));
    world.firstJob.set(`run-${index}`, index + 1);
  }
  world.alerts = strings.map((text, index) => ({
    id: index + 1,
    type: text,
    severity: 'warning',
    title: text,
    message: text,
    subject: text,
    raised_at: at,
    resolved_at: null,
  }));
  world.deliveries = strings.map((text, index) => ({
    delivery_id: index + 1,
    event: text,
    url: text,
    job_id: `job_${(index + 1).toString(36)}`,
    run_id: `run-${index}`,
    state: 'failed',
    attempts: 1,
    created_at: at,
    next_at: at,
    last_status: 500,
    last_error: text,
    log: [{ at, duration_ms: 5, status: 500, error: text }],
  }));
  world.providers = strings.map((text) => ({
    name: text,
    account: text,
    simulated: true,
    batch: true,
    address: text,
    ok: false,
    detail: text,
  }));
  const row = (group: string) => ({
    group,
    attempts: 1,
    input_tokens: 1,
    output_tokens: 1,
    cached_tokens: 0,
    cost_usd: 1,
    realtime_usd: 2,
    savings_usd: 1,
    unpriced: 0,
  });
  const groups = strings.map(row);
  world.costs = { day: [row(dayAt(now))], job_type: groups, provider: groups, model: groups, run: groups };
  world.health = { ...world.health, status: 'degraded', reasons: [...strings.slice(0, 20)], version: strings[0] ?? '' };
  world.settings.default_models = Object.fromEntries(strings.map((text) => [`creative_scoring:${text}`, text]));
  world.settings.queue_triggers = Object.fromEntries(strings.slice(0, 20).map((text) => [text, { count: 1 }]));
  world.settings.alert_channels = strings.slice(0, 20).map((url) => ({ type: 'webhook', url }));
  world.settings.webhooks = strings.slice(0, 20).map((url) => ({ url, events: ['*'] }));
  return world;
}

function runOf(text: string, index: number, at: string): RunDetails {
  return {
    run_id: `run-${index}`,
    name: text,
    job_type: text,
    provider: text,
    model: text,
    state: 'running',
    mode: 'batch',
    simulated: true,
    created_at: at,
    ended_at: null,
    counts: { ...noCounts, total: 2, failed: 1, cancelled: 1 },
    reused: 0,
    cost_usd: 1,
    cost_savings: 1,
    budget_usd: 1,
    deadline_at: at,
    note: text,
    usage: { input_tokens: 1, output_tokens: 1, cached_tokens: 1 },
    reserved_usd: 1,
    is_over_budget: true,
    failures: [{ code: text, count: 1, example: text }],
    batches: [],
  };
}

function batchOf(text: string, index: number, at: string): BatchDetails {
  return {
    batch_id: `provider_${index + 1}`,
    provider: text,
    model: text,
    job_type: text,
    run_id: `run-${index}`,
    provider_batch_id: text,
    status: 'processing',
    state: 'in_progress',
    job_count: 2,
    succeeded: 0,
    failed: 1,
    cost_usd: 1,
    cost_savings: 1,
    created_at: at,
    submitted_at: at,
    completed_at: null,
    expires_at: at,
    age_hours: 1,
    expected_end_at: null,
    error: text,
    provider_status: {
      status: text,
      request_counts: { total: 2, completed: 0, failed: 1 },
      created_at: at,
      completed_at: null,
    },
    input_file_id: text,
    sha256: text,
    bytes: 1,
    estimated_tokens: 1,
    quarantined: 1,
    cancel_requested: false,
    timeline: [{ at, state: text, detail: text }],
  };
}

function jobOf(text: string, index: number, at: string): JobDetails {
  const error = { code: text, message: text };
  return {
    job_id: `job_${(index + 1).toString(36)}`,
    run_id: `run-${index}`,
    batch_id: `provider_${index + 1}`,
    key: text,
    job_type: text,
    provider: text,
    model: text,
    status: 'failed',
    held: false,
    priority: 5,
    attempts: 1,
    created_at: at,
    error_code: text,
    data: { [text]: text },
    endpoint: text,
    request: { messages: [{ role: text, content: text }], [text]: text },
    output: text,
    response: { [text]: text },
    finish_reason: text,
    error,
    callback_url: text,
    ended_at: at,
    cost_usd: 1,
    reused_from: `job_${(index + 1).toString(36)}`,
    history: [
      {
        attempt: 1,
        batch_id: `provider_${index + 1}`,
        outcome: text,
        error,
        started_at: at,
        ended_at: at,
        usage: { input_tokens: 1, output_tokens: 1 },
        cost_usd: 1,
      },
    ],
    deliveries: [{ delivery_id: index + 1, state: text, attempts: 1 }],
  };
}
