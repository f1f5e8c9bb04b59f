import type { RunDetails } from '../../../src/service/contract/runs.ts';
import { hourMs, isoAt, noCounts } from './world.ts';

export interface Plan {
  id: string;
  jobType: string | null;
  provider: string;
  model: string;
  firstJob: number;
  jobs: number;
  createdAt: number;
  state: 'open' | 'running' | 'ended';
  batches: number;
  failureShare: number;
  name: string | null;
}

/** How much of a run that is under way has ended. */
export const doneShare = 0.62;
export const costPerJob = 0.000_41;

export const failureKinds = [
  ['refused', 'The model declined: “I can’t help with identifying the person in this video.”', 0.55],
  ['truncated', 'All 1,024 allowed tokens were used up before there was an answer.', 0.3],
  ['invalid_request', "Invalid value: 'max_tokens' must be at most 8192 for this model.", 0.15],
] as const;

export function failedOf(plan: Plan): number {
  const ended = plan.state === 'ended' ? plan.jobs : plan.state === 'running' ? Math.floor(plan.jobs * doneShare) : 0;
  return Math.floor(ended * plan.failureShare);
}

export function richRun(plan: Plan, now: number, simulated: boolean): RunDetails {
  const ended = plan.state === 'ended' ? plan.jobs : plan.state === 'running' ? Math.floor(plan.jobs * doneShare) : 0;
  const failed = failedOf(plan);
  const rest = plan.jobs - ended;
  const packed = plan.state === 'running' ? Math.floor(rest * 0.2) : 0;
  const cost = plan.state === 'open' ? 0 : ended * costPerJob * (plan.provider === 'anthropic' ? 2.4 : 1);
  return {
    run_id: plan.id,
    name: plan.name,
    job_type: plan.jobType,
    provider: plan.provider,
    model: plan.model,
    state: plan.state,
    mode: plan.jobType === null ? 'auto' : 'batch',
    simulated,
    created_at: isoAt(plan.createdAt),
    ended_at: plan.state === 'ended' ? isoAt(Math.min(plan.createdAt + 11.4 * hourMs, now)) : null,
    counts: {
      ...noCounts,
      total: plan.jobs,
      queued: plan.state === 'open' ? plan.jobs : 0,
      packed,
      running: plan.state === 'running' ? rest - packed : 0,
      succeeded: ended - failed,
      failed,
    },
    reused: plan.jobType === null ? 37 : 0,
    cost_usd: cost,
    cost_savings: cost,
    budget_usd: plan.jobType === null ? 5 : null,
    deadline_at: null,
    note: null,
    usage: { input_tokens: ended * 812, output_tokens: ended * 164, cached_tokens: ended * 96 },
    reserved_usd: plan.state === 'running' ? rest * costPerJob : 0,
    is_over_budget: false,
    failures: failed === 0 ? [] : failuresOf(failed),
    batches: [],
  };
}

function failuresOf(failed: number): RunDetails['failures'] {
  return failureKinds
    .map(([code, example, share]) => ({ code, count: Math.round(failed * share), example }))
    .filter(({ count }) => count > 0);
}
