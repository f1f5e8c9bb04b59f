import {
  alertsQuery,
  batchesQuery,
  costsQuery,
  deliveriesQuery,
  jobsQuery,
  reportQuery,
  runResultsQuery,
  runsQuery,
} from '../../../src/server/queries.ts';
import { retryRequest } from '../../../src/service/contract/runs.ts';
import { settingsChange } from '../../../src/service/contract/settings.ts';
import { dashboardOf, queuesOf, toJob, toResult } from './answers.ts';
import { queueJob } from './queue-job.ts';
import { parse, Refusal } from './refusal.ts';
import { isoAt, toBatch, type World } from './world.ts';

/** The routes of the API that the dashboard uses, over a world. Queries and bodies are checked as the server does. */

export interface Call {
  method: string;
  /** Decoded parts of the path after `/batch/`. */
  parts: string[];
  query: Record<string, string>;
  body: unknown;
}

export type Answer = { status: number; body: unknown; contentType?: string };

const ok = (body: unknown): Answer => ({ status: 200, body });
const notFound = (what: string): Refusal => new Refusal(404, 'Not Found', `There is no ${what}.`);

export type Tell = (type: string, about: { run_id?: string; batch_id?: string }) => void;

export function answer(world: World, call: Call, tell: Tell): Answer {
  const { method, parts } = call;
  const [noun = '', id = '', verb = ''] = parts;
  const key = `${method} ${noun}${id === '' ? '' : '/:id'}${verb === '' ? '' : `/${verb}`}`;
  const route = routes[key] ?? routes[`${method} ${parts.join('/')}`];
  if (!route) throw notFound(`route ${key}`);
  return route({ world, id, tell, ...call });
}

type Route = (context: Call & { world: World; id: string; tell: Tell }) => Answer;

const routes: Readonly<Record<string, Route>> = {
  'GET dashboard': ({ world }) => ok(dashboardOf(world)),
  'GET health': ({ world }) => ok(world.health),
  'GET queue/:id': ({ world }) => ok({ total_queued: 0, breakdown: {}, queues: queuesOf(world) }),
  'GET runs': ({ world, query }) => {
    const filter = parse(runsQuery, query);
    const rows = world.runs.filter(
      (run) =>
        (filter.state === undefined || run.state === filter.state) &&
        (filter.job_type === undefined || run.job_type === filter.job_type) &&
        (filter.provider === undefined || run.provider === filter.provider) &&
        (!filter.search || `${run.name ?? ''} ${run.run_id}`.toLowerCase().includes(filter.search.toLowerCase())),
    );
    const { page, next } = pageOf(rows, filter);
    return ok({ runs: page.map(({ failures, batches, usage, ...run }) => run), next_before: next });
  },
  'GET runs/:id': ({ world, id }) => ok(runOf(world, id)),
  'POST runs/:id/cancel': ({ world, id, tell }) => {
    const run = runOf(world, id);
    run.counts.cancelled += run.counts.queued + run.counts.packed + run.counts.running;
    Object.assign(run.counts, { queued: 0, packed: 0, running: 0 });
    run.state = 'ended';
    run.ended_at = isoAt(Date.now());
    tell('run_ended', { run_id: id });
    return ok({ status: 'cancelling', message: `${id} is being cancelled; what is paid for still comes in.` });
  },
  'POST runs/:id/retry': ({ world, id, body, tell }) => {
    const run = runOf(world, id);
    const { states } = parse(retryRequest, body ?? {});
    const count = states.reduce((sum, state) => sum + run.counts[state], 0);
    for (const state of states) run.counts[state] = 0;
    run.counts.queued += count;
    run.failures = [];
    run.state = 'running';
    tell('run_running', { run_id: id });
    return ok({ status: 'queued', message: `${count} jobs are queued again.`, count });
  },
  'GET runs/:id/results': ({ world, id, query }) => {
    const { after, limit = 100 } = parse(runResultsQuery, query);
    const lines: string[] = [];
    const first = Math.max(after + 1, world.firstJob.get(id) ?? 1);
    for (
      let number = first;
      number <= world.jobs.count && lines.length < limit && number < first + 20_000;
      number += 1
    ) {
      const job = world.jobs.get(number);
      if (job?.run_id === id && job.ended_at !== null) lines.push(`${JSON.stringify(toResult(number, job))}\n`);
    }
    return { status: 200, body: lines.join(''), contentType: 'application/x-ndjson; charset=utf-8' };
  },
  'GET batches': ({ world, query }) => {
    const filter = parse(batchesQuery, query);
    const rows = world.batches.filter(
      (batch) =>
        (filter.open === 'false' || batch.completed_at === null) &&
        (filter.run_id === undefined || batch.run_id === filter.run_id) &&
        (filter.job_type === undefined || batch.job_type === filter.job_type) &&
        (filter.provider === undefined || batch.provider === filter.provider),
    );
    const { page, next } = pageOf(rows, filter);
    return ok({ batches: page.map(toBatch), next_before: next });
  },
  'GET batches/:id': ({ world, id }) => ok(batchOf(world, id)),
  'POST batches/:id/cancel': ({ world, id, tell }) => {
    batchOf(world, id).cancel_requested = true;
    tell('batch_in_progress', { batch_id: id });
    return ok({ status: 'cancelling', message: `${id} is being stopped at its provider.` });
  },
  'GET jobs': ({ world, query }) => ok(jobsOf(world, query)),
  'GET jobs/:id': ({ world, id }) => ok(jobOf(world, id)),
  'POST jobs/:id/cancel': ({ world, id, tell }) => {
    const job = jobOf(world, id);
    if (job.status !== 'queued') {
      throw new Refusal(409, 'Conflict', `${id} is with the provider already; cancel its batch or run instead.`);
    }
    world.jobs.put(world.jobs.numberOf(id) ?? 0, { ...job, status: 'cancelled', held: false });
    tell('job_cancelled', { run_id: job.run_id });
    return ok({ status: 'cancelled', message: `${id} is cancelled and will not be sent.` });
  },
  'POST jobs/:id/retry': ({ world, id, tell }) => {
    const job = jobOf(world, id);
    world.jobs.put(world.jobs.numberOf(id) ?? 0, { ...job, status: 'queued', error: null, error_code: null });
    tell('job_queued', { run_id: job.run_id });
    return ok({ status: 'queued', message: `${id} is queued again.`, count: 1 });
  },
  'POST queue': ({ world, body, tell }) => {
    const jobId = queueJob(world, body);
    tell('job_queued', { run_id: world.jobs.get(world.jobs.count)?.run_id ?? '' });
    return ok({ job_id: jobId, status: 'queued', message: 'Queued; it is sent with its queue.' });
  },
  'POST queue/bulk': ({ world, body, tell }) => {
    const given = Array.isArray(body) ? body : [];
    const errors: { index: number; detail: string }[] = [];
    const ids = given.map((each: unknown, index) => {
      try {
        return queueJob(world, each);
      } catch (error) {
        errors.push({ index, detail: error instanceof Error ? error.message : String(error) });
        return null;
      }
    });
    tell('job_queued', {});
    const failed = errors.length;
    return ok({ total: given.length, successful: given.length - failed, failed, job_ids: ids, errors });
  },
  'POST process': ({ world, body, tell }) => {
    const { job_type, provider, max_jobs = 0 } = body as { job_type: string; provider: string; max_jobs?: number };
    const run = world.runs.find(
      (each) => each.state === 'open' && each.job_type === job_type && each.provider === provider,
    );
    const sent = Math.min(max_jobs, run?.counts.queued ?? 0);
    if (run) {
      run.counts.queued -= sent;
      run.counts.packed += sent;
      tell('batch_packed', { run_id: run.run_id });
    }
    const message = `${sent} jobs are on their way in 1 batches.`;
    return ok({ batch_id: null, batch_ids: [], run_id: null, status: 'submitted', job_count: sent, message });
  },
  'POST process/all': ({ world, tell }) => {
    const open = world.runs.filter((run) => run.state === 'open');
    for (const run of open) run.state = 'running';
    tell('run_running', {});
    return ok({
      status: 'started',
      run_ids: open.map((run) => run.run_id),
      message: `${open.length} queues are being sent.`,
    });
  },
  'POST retry': ({ tell }) => {
    tell('run_running', {});
    return ok({ status: 'queued', message: '3 failed jobs are queued again.', count: 3 });
  },
  'GET costs': ({ world, query }) => {
    const { by, since = '' } = parse(costsQuery, query);
    const rows = world.costs[by].filter((row) => by !== 'day' || row.group >= since);
    return ok({ by, since, rows });
  },
  'GET report': ({ query }) => {
    const { days } = parse(reportQuery, query);
    const content = `# Offpeak report\n\nThe last ${days} days.\n\n| figure | value |\n| --- | ---: |\n| jobs | 998,120 |\n`;
    return ok({ content, format: 'markdown' });
  },
  'GET alerts': ({ world, query }) => {
    const { all } = parse(alertsQuery, query);
    const found = world.alerts.filter((alert) => all === 'true' || alert.resolved_at === null);
    return ok({ count: found.length, alerts: found });
  },
  'GET settings': ({ world }) => ok(world.settings),
  'PUT settings': ({ world, body, tell }) => {
    Object.assign(world.settings, parse(settingsChange, body));
    tell('settings_changed', {});
    return ok(world.settings);
  },
  'GET providers': ({ world, query }) => {
    if (query.check !== 'true') return ok({ providers: world.providers });
    const checked = world.providers.map((provider) =>
      provider.name === 'anthropic'
        ? { ...provider, ok: false, detail: 'The key was refused (401 invalid x-api-key).' }
        : { ...provider, ok: true, detail: 'answered in 212 ms' },
    );
    return ok({ providers: checked });
  },
  'GET deliveries': ({ world, query }) => {
    const filter = parse(deliveriesQuery, query);
    const rows = world.deliveries.filter(
      (delivery) =>
        (filter.state === undefined || delivery.state === filter.state) &&
        (filter.job_id === undefined || delivery.job_id === filter.job_id),
    );
    const { page, next } = pageOf(rows, filter);
    return ok({ deliveries: page.map(({ log, ...delivery }) => delivery), next_before: next });
  },
  'GET deliveries/:id': ({ world, id }) => ok(deliveryOf(world, id)),
  'POST deliveries/:id/redeliver': ({ world, id, tell }) => {
    deliveryOf(world, id).state = 'pending';
    tell('delivery_pending', {});
    return ok({ status: 'pending', message: `Delivery ${id} is sent again.` });
  },
  'POST scheduler/:id': ({ world, id, tell }) => {
    world.settings.schedule.enabled = id === 'start';
    tell('settings_changed', {});
    return ok({ status: id, message: id === 'start' ? 'Queues are sent every day.' : 'Queues wait.' });
  },
};

/** The position from the end is the cursor: it stays while newer rows come. */
function pageOf<Row>(rows: readonly Row[], { before, limit }: { before?: number | undefined; limit: number }) {
  const from = before === undefined ? 0 : rows.length - before + 1;
  const page = rows.slice(from, from + limit);
  const left = rows.length - from - page.length;
  return { page, next: left > 0 ? left + 1 : null };
}

function runOf(world: World, id: string) {
  const run = world.runs.find((each) => each.run_id === id);
  if (!run) throw notFound(`run ${id}`);
  return run;
}

function batchOf(world: World, id: string) {
  const batch = world.batches.find((each) => each.batch_id === id);
  if (!batch) throw notFound(`batch ${id}`);
  return batch;
}

function jobOf(world: World, id: string) {
  const job = world.jobs.get(world.jobs.numberOf(id) ?? 0);
  if (!job) throw notFound(`job ${id}`);
  return job;
}

function deliveryOf(world: World, id: string) {
  const delivery = world.deliveries.find((each) => String(each.delivery_id) === id);
  if (!delivery) throw notFound(`delivery ${id}`);
  return delivery;
}

function jobsOf(world: World, query: unknown) {
  const { run_id, batch_id, state, search, before, limit } = parse(jobsQuery, query);
  const named = search === undefined ? undefined : world.jobs.get(world.jobs.numberOf(search) ?? 0);
  if (named) return { jobs: [toJob(named)], next_before: null };
  if (search !== undefined && run_id === undefined) {
    const detail = '`search` takes a job id, or, together with `run_id`, the beginning of a key.';
    throw new Refusal(400, 'Bad Request', detail);
  }
  const jobs = [];
  const lowest = Math.max(0, world.jobs.count - 200_000);
  for (let number = (before ?? world.jobs.count + 1) - 1; number > lowest && jobs.length <= limit; number -= 1) {
    const job = world.jobs.get(number);
    if (!job || (run_id !== undefined && job.run_id !== run_id)) continue;
    if (batch_id !== undefined && job.batch_id !== batch_id) continue;
    if (state !== undefined && ![state].flat().includes(job.status)) continue;
    if (search !== undefined && !job.key.startsWith(search)) continue;
    jobs.push({ number, job });
  }
  const page = jobs.slice(0, limit);
  return {
    jobs: page.map(({ job }) => toJob(job)),
    next_before: jobs.length > limit ? (page.at(-1)?.number ?? null) : null,
  };
}
