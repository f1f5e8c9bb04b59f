import { seededRandom } from '../../support/seeded-random.ts';
import { richBatch } from './rich-batches.ts';
import { richCosts } from './rich-costs.ts';
import { richJob } from './rich-jobs.ts';
import { alertsOf, deliveriesOf, providersOf, settingsOf } from './rich-rest.ts';
import { type Plan, richRun } from './rich-runs.ts';
import { createJobs, dayMs, emptyWorld, hourMs, minuteMs, type World } from './world.ts';

export const queueKinds = [
  ['creative_scoring', 'openai', 'gpt-5-mini'],
  ['embedding_generation', 'openai', 'text-embedding-3-large'],
  ['hook_generation', 'anthropic', 'claude-haiku-4-5'],
  ['video_analysis', 'gemini', 'gemini-2.5-flash'],
  ['bulk_prediction', 'gemini', 'gemini-2.5-flash-lite'],
  ['historical_reprocessing', 'anthropic', 'claude-sonnet-4-5'],
] as const;

const nights = 40;

/** Months of a busy service: every queue each night, a few runs of programs, and what waits for tonight. */
export function richWorld(now: number, options: { jobs?: number; simulated?: boolean } = {}): World {
  const random = seededRandom(4);
  const plans = plansOf(now, random, options.jobs ?? 1_000_000);
  const world = emptyWorld(now);
  world.runs = plans.map((plan) => richRun(plan, now, options.simulated ?? false)).toReversed();
  const total = plans.reduce((sum, plan) => sum + plan.jobs, 0);
  for (const [index, plan] of plans.entries()) {
    if (plan.state === 'open') continue;
    const run = world.runs[plans.length - 1 - index];
    if (!run) continue;
    for (let part = 0; part < plan.batches; part += 1) {
      const batch = richBatch({ plan, run, number: world.batches.length + 1, part, now, random });
      world.batches.unshift(batch);
      run.batches.unshift(batch);
    }
  }
  world.firstJob = new Map(plans.map((plan) => [plan.id, plan.firstJob]));
  world.jobs = createJobs(total, (number) => richJob(number, plans, world));
  world.alerts = alertsOf(now, world);
  world.deliveries = deliveriesOf(now, world);
  world.settings = settingsOf();
  world.providers = providersOf(options.simulated ?? false);
  world.costs = richCosts(now, random, world);
  world.health.queue_size = plans.filter((plan) => plan.state === 'open').reduce((sum, plan) => sum + plan.jobs, 0);
  world.health.active_batches = world.batches.filter((batch) => batch.completed_at === null).length;
  return world;
}

/** Oldest first, as their jobs are numbered. */
function plansOf(now: number, random: () => number, jobs: number): Plan[] {
  const plans: Plan[] = [];
  let firstJob = 1;
  const add = (plan: Omit<Plan, 'firstJob' | 'id'>) => {
    const id = `${plan.jobType ?? 'run'}-${(0x5f3a00 + plans.length * 7919).toString(36)}`;
    plans.push({ ...plan, id, firstJob });
    firstJob += plan.jobs;
  };
  const perNight = Math.floor((jobs - 30_000) / (nights * queueKinds.length));
  for (let night = nights; night >= 1; night -= 1) {
    for (const [index, [jobType, provider, model]] of queueKinds.entries()) {
      const size = Math.max(3, Math.round(perNight * (0.5 + random())));
      const createdAt = now - night * dayMs - index * minuteMs - 9 * hourMs;
      const isUnderWay = night === 1 && index < 4;
      add({
        jobType,
        provider,
        model,
        jobs: size,
        createdAt,
        state: isUnderWay ? 'running' : 'ended',
        batches: Math.max(1, Math.ceil(size / 3000)),
        failureShare: index === 3 ? 0.031 : 0.004 + random() * 0.006,
        name: null,
      });
    }
    if (night % 9 === 4)
      add({
        jobType: null,
        provider: 'openai',
        model: 'gpt-5-nano',
        jobs: 420,
        createdAt: now - night * dayMs + 3 * hourMs,
        state: 'ended',
        batches: 1,
        failureShare: 0.01,
        name: `Support tickets, week ${40 + Math.floor(night / 9)}`,
      });
  }
  const waiting = [12_480, 9_310, 3_204, 1_975, 640];
  for (const [index, count] of waiting.entries()) {
    const [jobType, provider, model] = queueKinds[index] ?? queueKinds[0];
    const createdAt = now - (7 - index) * hourMs;
    add({ jobType, provider, model, jobs: count, createdAt, state: 'open', batches: 0, failureShare: 0, name: null });
  }
  return plans;
}
