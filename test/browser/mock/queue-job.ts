import { queueRequest } from '../../../src/service/contract/queue.ts';
import { type JobTypeName, jobTypes } from '../../../src/service/contract/words.ts';
import { parse, Refusal } from './refusal.ts';
import { isoAt, noCounts, type World } from './world.ts';

/** Into the open run of its queue; returns the job's id. */
export function queueJob(world: World, value: unknown): string {
  const { job_type, provider, data, priority, callback_url } = parse(queueRequest, value);
  if (!world.providers.some((each) => each.name === provider)) {
    const known = world.providers.map((each) => each.name).join(', ');
    const error = { field: 'provider', message: `${provider} is not set up; there are ${known}` };
    throw new Refusal(400, 'Bad Request', `The request is not valid: provider: ${error.message}.`, [error]);
  }
  const run = openRunOf(world, job_type, provider);
  run.counts.queued += 1;
  run.counts.total += 1;
  const number = world.jobs.count + 1;
  const jobId = `${job_type}_${number.toString(36)}`;
  world.jobs.put(number, {
    job_id: jobId,
    run_id: run.run_id,
    batch_id: null,
    key: jobId,
    job_type,
    provider,
    model: typeof data.model === 'string' ? data.model : run.model,
    status: 'queued',
    held: true,
    priority,
    attempts: 0,
    created_at: isoAt(Date.now()),
    error_code: null,
    data,
    endpoint: null,
    request: data,
    output: null,
    response: null,
    finish_reason: null,
    error: null,
    callback_url: callback_url ?? null,
    ended_at: null,
    cost_usd: null,
    reused_from: null,
    history: [],
    deliveries: [],
  });
  return jobId;
}

function openRunOf(world: World, jobType: JobTypeName, provider: string) {
  const open = world.runs.find((run) => run.state === 'open' && run.job_type === jobType && run.provider === provider);
  if (open) return open;
  const run: World['runs'][number] = {
    run_id: `${jobTypes.indexOf(jobType)}-${provider}-${world.runs.length + 1}`,
    name: null,
    job_type: jobType,
    provider,
    model: 'gpt-5-mini',
    state: 'open',
    mode: 'batch',
    simulated: false,
    created_at: isoAt(Date.now()),
    ended_at: null,
    counts: { ...noCounts },
    reused: 0,
    cost_usd: 0,
    cost_savings: 0,
    budget_usd: null,
    deadline_at: null,
    note: null,
    usage: { input_tokens: 0, output_tokens: 0, cached_tokens: 0 },
    reserved_usd: 0,
    is_over_budget: false,
    failures: [],
    batches: [],
  };
  world.runs.unshift(run);
  return run;
}
