import type { JobDetails } from '../../../src/service/contract/jobs.ts';
import { costPerJob, doneShare, failureKinds, type Plan } from './rich-runs.ts';
import { hourMs, isoAt, type World } from './world.ts';

const scripts = [
  'Three exercises for a strong back that you can do at your desk, without equipment, in under five minutes.',
  'You do not need another diet. You need a breakfast that keeps you full until lunch.',
  'POV: it is 6 am, it rains, and you still go for that run.',
  'What nobody tells you about protein powder, and what the label hides.',
];

const answer = (score: number) =>
  JSON.stringify(
    {
      score,
      hook: score > 70 ? 'strong' : 'weak',
      reasons: ['Names a concrete problem in the first two seconds', 'The promise is measurable', 'No call to action'],
      suggestion: 'End with one exercise the viewer can do right now.',
    },
    null,
    2,
  );

/** A job by its number: always the same, made when it is looked at. */
export function richJob(number: number, plans: readonly Plan[], world: World): JobDetails | undefined {
  const index = planAt(plans, number);
  const plan = plans[index];
  const run = world.runs[plans.length - 1 - index];
  if (!plan || !run || number >= plan.firstJob + plan.jobs) return undefined;
  const place = number - plan.firstJob;
  const ended = plan.state === 'ended' ? plan.jobs : plan.state === 'running' ? Math.floor(plan.jobs * doneShare) : 0;
  const isEnded = place < ended;
  const isFailed = isEnded && Math.floor((place + 1) * plan.failureShare) > Math.floor(place * plan.failureShare);
  const status = isFailed ? 'failed' : isEnded ? 'succeeded' : plan.state === 'open' ? 'queued' : 'running';
  const batch = plan.state === 'open' ? undefined : run.batches[place % Math.max(1, run.batches.length)];
  const [code, message] = failureKinds[place % failureKinds.length] ?? failureKinds[0];
  const error = isFailed ? { code, message } : null;
  const script = scripts[place % scripts.length] ?? '';
  const sentAt = batch?.submitted_at ? Date.parse(batch.submitted_at) : plan.createdAt;
  const usage = { input_tokens: 640 + (number % 400), output_tokens: 90 + (number % 150) };
  return {
    job_id: `${plan.jobType ?? 'job'}_${number.toString(36)}`,
    run_id: plan.id,
    batch_id: batch?.batch_id ?? null,
    key: plan.jobType === null ? `tickets/${2000 + place}.txt` : `${plan.jobType ?? 'job'}_${number.toString(36)}`,
    job_type: plan.jobType,
    provider: plan.provider,
    model: plan.model,
    status,
    held: plan.state === 'open',
    priority: place % 11 === 0 ? 9 : place % 5 === 0 ? 3 : 5,
    attempts: plan.state === 'open' ? 0 : isFailed ? 3 : 1,
    created_at: isoAt(plan.createdAt + (place % 5000) * 700),
    error_code: error?.code ?? null,
    data: { creative_id: `ad-${number}`, niche: 'fitness', script },
    endpoint: '/v1/chat/completions',
    request: {
      model: plan.model,
      messages: [
        { role: 'system', content: 'Score the script of a short video from 0 to 100. Answer in JSON.' },
        { role: 'user', content: `The script:\n\n${script}\n\nNiche: fitness` },
      ],
      temperature: 0.3,
      max_tokens: 1024,
    },
    output: status === 'succeeded' ? answer(41 + (number % 59)) : null,
    response: status === 'succeeded' ? { id: `chatcmpl-${number}`, usage } : null,
    finish_reason: status === 'succeeded' ? 'stop' : null,
    error,
    callback_url: place % 4 === 0 ? 'https://hooks.example.com/scoring?...' : null,
    ended_at: isEnded ? isoAt(sentAt + 2 * hourMs) : null,
    cost_usd: status === 'succeeded' ? costPerJob : isFailed ? costPerJob * 2.2 : null,
    reused_from: null,
    history: historyOf(batch?.batch_id ?? null, isFailed, isEnded, sentAt, error, usage),
    deliveries: isEnded && place % 4 === 0 ? [{ delivery_id: 1, state: 'delivered', attempts: 1 }] : [],
  };
}

function historyOf(
  batchId: string | null,
  isFailed: boolean,
  isEnded: boolean,
  sentAt: number,
  error: JobDetails['error'],
  usage: { input_tokens: number; output_tokens: number },
): JobDetails['history'] {
  if (batchId === null) return [];
  const attempt = (number: number, outcome: string | null, failed: JobDetails['error']) => ({
    attempt: number,
    batch_id: batchId,
    outcome,
    error: failed,
    started_at: isoAt(sentAt + number * hourMs),
    ended_at: isEnded ? isoAt(sentAt + (number + 1) * hourMs) : null,
    usage: outcome === 'succeeded' || failed?.code === 'truncated' ? usage : null,
    cost_usd: outcome === 'succeeded' ? costPerJob : null,
  });
  if (!isFailed) return [attempt(1, isEnded ? 'succeeded' : null, null)];
  const busy = { code: 'overloaded', message: 'The provider had no capacity.' };
  return [attempt(1, 'failed', busy), attempt(2, 'failed', busy), attempt(3, 'failed', error)];
}

/** By halving: a million jobs stand in a few hundred runs. */
function planAt(plans: readonly Plan[], number: number): number {
  let low = 0;
  let high = plans.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((plans[middle]?.firstJob ?? 0) <= number) low = middle;
    else high = middle - 1;
  }
  return low;
}
