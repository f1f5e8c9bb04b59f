import { isoTime } from '../../clock.ts';
import { totalOf } from '../../job.ts';
import type { Run } from '../../run.ts';
import type { Batch } from '../contract/batches.ts';
import type { RunDetails, Run as RunShown } from '../contract/runs.ts';
import { dollars, optionalDollars } from './figures.ts';

export function toRun(run: Run): RunShown {
  const { costNanoUsd: cost, realtimeNanoUsd: realtime } = run;
  return {
    run_id: run.id,
    name: run.name ?? null,
    job_type: run.queue ?? null,
    provider: run.provider,
    model: run.model,
    state: run.state,
    mode: run.mode,
    simulated: run.simulated,
    created_at: isoTime(run.createdAt),
    ended_at: isoTime(run.endedAt) ?? null,
    counts: { total: totalOf(run.counts), ...run.counts },
    reused: run.reused,
    cost_usd: optionalDollars(cost),
    cost_savings: cost === undefined || realtime === undefined ? null : dollars(realtime - cost),
    budget_usd: optionalDollars(run.budgetNanoUsd),
    deadline_at: isoTime(run.deadlineAt) ?? null,
    note: run.note ?? null,
  };
}

export interface RunParts {
  failures: readonly { code: string; jobs: number; example: string }[];
  /** The newest ones; the rest are listed by page. */
  batches: Batch[];
}

export function toRunDetails(run: Run, { failures, batches }: RunParts): RunDetails {
  return {
    ...toRun(run),
    usage: {
      input_tokens: run.usage.inputTokens,
      output_tokens: run.usage.outputTokens,
      cached_tokens: run.usage.cachedTokens,
    },
    reserved_usd: dollars(run.reservedNanoUsd),
    is_over_budget: run.isOverBudget,
    failures: failures.map(({ code, jobs, example }) => ({ code, count: jobs, example })),
    batches,
  };
}
