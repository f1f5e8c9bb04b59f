import { createHash } from 'node:crypto';
import type { BatchDetails } from '../../../src/service/contract/batches.ts';
import type { RunDetails } from '../../../src/service/contract/runs.ts';
import { costPerJob, type Plan } from './rich-runs.ts';
import { hourMs, isoAt, minuteMs } from './world.ts';

interface BatchPlan {
  plan: Plan;
  run: RunDetails;
  number: number;
  part: number;
  now: number;
  random: () => number;
}

const providerIds: Readonly<Record<string, (hash: string) => string>> = {
  openai: (hash) => `batch_${hash.slice(0, 32)}`,
  anthropic: (hash) => `msgbatch_01${hash.slice(0, 22)}`,
  gemini: (hash) => `batches/${hash.slice(0, 24)}`,
};
const words: Readonly<Record<string, readonly [atWork: string, ended: string]>> = {
  openai: ['in_progress', 'completed'],
  anthropic: ['in_progress', 'ended'],
  gemini: ['BATCH_STATE_RUNNING', 'BATCH_STATE_SUCCEEDED'],
};

export function richBatch({ plan, run, number, part, now, random }: BatchPlan): BatchDetails {
  const size = Math.floor(plan.jobs / plan.batches) + (part < plan.jobs % plan.batches ? 1 : 0);
  const hash = createHash('sha256').update(`${plan.id} ${part}`).digest('hex');
  // The nightly sending: seven hours after the queue was opened.
  const submittedAt = plan.createdAt + 7 * hourMs + part * 20_000 + (plan.state === 'running' ? 22 * hourMs : 0);
  const isDone = plan.state === 'ended';
  const endedAt = Math.min(submittedAt + (1.5 + random() * 3) * hourMs, now - minuteMs);
  const failed = isDone ? Math.floor(size * plan.failureShare) : 0;
  const done = isDone ? size : Math.floor(size * (0.3 + random() * 0.6));
  const [atWork = 'in_progress', finished = 'completed'] = words[plan.provider] ?? [];
  const cost = isDone ? size * costPerJob * (plan.provider === 'anthropic' ? 2.4 : 1) : 0;
  return {
    batch_id: `${plan.provider}_${number}`,
    provider: plan.provider,
    model: plan.model,
    job_type: plan.jobType,
    run_id: run.run_id,
    provider_batch_id: (providerIds[plan.provider] ?? ((text) => text))(hash),
    status: isDone ? 'completed' : 'processing',
    state: isDone ? 'collected' : 'in_progress',
    job_count: size,
    succeeded: isDone ? size - failed : 0,
    failed,
    cost_usd: isDone ? cost : null,
    cost_savings: cost,
    created_at: isoAt(submittedAt - minuteMs),
    submitted_at: isoAt(submittedAt),
    completed_at: isDone ? isoAt(endedAt) : null,
    expires_at: isoAt(submittedAt + 24 * hourMs),
    age_hours: ((isDone ? endedAt : now) - submittedAt) / hourMs,
    expected_end_at: isDone ? null : part % 4 === 3 ? null : isoAt(now + (0.4 + random() * 2) * hourMs),
    error: null,
    provider_status: {
      status: isDone ? finished : atWork,
      request_counts: { total: size, completed: isDone ? size - failed : done, failed },
      created_at: isoAt(submittedAt),
      completed_at: isDone ? isoAt(endedAt) : null,
    },
    input_file_id: plan.provider === 'openai' ? `file-${hash.slice(40, 64)}` : null,
    sha256: hash,
    bytes: size * 1184,
    estimated_tokens: size * 870,
    quarantined: 0,
    cancel_requested: false,
    timeline: timelineOf(submittedAt, isDone ? endedAt : undefined, size),
  };
}

function timelineOf(submittedAt: number, endedAt: number | undefined, size: number): BatchDetails['timeline'] {
  const step = (at: number, state: string, detail: string | null = null) => ({ at: isoAt(at), state, detail });
  const begun = [
    step(submittedAt - minuteMs, 'packing'),
    step(submittedAt - 54_000, 'packed', `${size.toLocaleString('en-US')} jobs of one model`),
    step(submittedAt - 48_000, 'submitting'),
    step(submittedAt, 'in_progress'),
  ];
  if (endedAt === undefined) return begun;
  return [...begun, step(endedAt - 40_000, 'ended'), step(endedAt - 30_000, 'collecting'), step(endedAt, 'collected')];
}
