import type { Offpeak } from '../../src/offpeak.ts';
import { createRecipe } from '../../src/recipes/recipes.ts';
import type { Run } from '../../src/run.ts';
import { checkInvariants, type Verdict } from '../support/check-invariants.ts';
import { createDocumentsSource } from '../support/documents-source.ts';
import { providerUnderTest } from '../support/providers-under-test.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { Undo } from '../support/temporary.ts';
import { type Day, openDay, openProcess, realProvider, startMs, startWorker } from './day.ts';
import { hourMs, minuteMs, type PlannedRun, planDay } from './plan-day.ts';
import type { Actor } from './schedule.ts';

export interface DayReport {
  seed: number;
  runs: number;
  jobs: number;
  succeeded: number;
  deaths: number;
  batches: number;
  steps: number;
  /** The same for the same seed, else the simulation itself is broken. */
  trace: number;
  verdict: Verdict;
  violations: string[];
}

/** One simulated day of two workers, a user and three providers, and as much time after it as they need to end all. */
export async function simulateDay(undo: Undo, seed: number): Promise<DayReport> {
  const random = seededRandom(seed);
  const day = await openDay(undo, planDay(seed, random), random);
  for (const name of ['a', 'b']) startWorker(day, name);
  for (const planned of day.plan.runs) void submit(day, planned);
  const isQuiet = () => day.open === 0 && day.unfinished === 0;
  await day.schedule.runUntil(() => day.schedule.now() > startMs + 16 * hourMs && isQuiet(), 24 * hourMs);
  // The providers are well again, and there is money for everything: now it must come to an end.
  day.sandbox.setFaults({});
  day.deathsAllowed = false;
  day.raisesBudgets = true;
  const isOver = await day.schedule.runUntil(isQuiet, 100 * hourMs);
  if (!isOver) day.violations.push(`not ended after 124 hours: ${await stateOf(day)}`);
  return end(day, seed, isOver);
}

/** A command of the user, done again by a new process when the first one died. */
async function command<T>(day: Day, work: (offpeak: Offpeak) => Promise<T>): Promise<T> {
  for (;;) {
    const { actor, offpeak } = openProcess(day, 'user');
    const died = new Promise<undefined>((resolve) => {
      const watch = { name: 'watch', isDead: false };
      const look = (): void => {
        if (actor.isDead) resolve(undefined);
        else void day.schedule.clockOf(watch).sleep(minuteMs).then(look);
      };
      look();
    });
    const done = work(offpeak).then((value) => ({ value }));
    const outcome = await Promise.race([done, died]);
    if (!outcome) continue;
    await offpeak.close();
    day.living.delete(actor.name);
    actor.isDead = true;
    return outcome.value;
  }
}

async function submit(day: Day, planned: PlannedRun): Promise<void> {
  day.open += 1;
  const user: Actor = { name: 'user', isDead: false };
  const clock = day.schedule.clockOf(user);
  try {
    await clock.sleep(planned.atMs);
    const run = await command(day, (offpeak) => begin(day, offpeak, planned));
    const { cancelMs, retryMs } = planned;
    if (cancelMs !== undefined) {
      await clock.sleep(cancelMs);
      await command(day, (offpeak) => offpeak.cancel(run.id));
    }
    if (retryMs !== undefined) {
      await clock.sleep(retryMs);
      await command(day, (offpeak) => offpeak.retry(run.id, ['failed', 'cancelled']));
    }
    while (!day.raisesBudgets) await clock.sleep(hourMs);
    if (planned.budgetNanoUsd !== undefined) {
      const raised = { budgetNanoUsd: 1_000_000_000 };
      await command(day, (offpeak) => offpeak.store.updateRun(run.id, raised, day.schedule.now()));
    }
  } catch (error) {
    day.violations.push(`the user's command failed: ${error instanceof Error ? error.stack : error}`);
  } finally {
    day.open -= 1;
  }
}

async function begin(day: Day, offpeak: Offpeak, planned: PlannedRun): Promise<Run> {
  const { api, keys, prompt, deadlineMs, budgetNanoUsd, mode, priority, maxAttempts, primeCache } = planned;
  const { model } = providerUnderTest(api);
  const { run } = await offpeak.begin({
    source: createDocumentsSource(keys),
    recipe: createRecipe({ type: 'prompt', version: 1, model, prompt, maxTokens: 200 }),
    provider: realProvider(day, api, day.plan),
    ...{ model, mode, priority, maxAttempts, primeCache, concurrency: 3 },
    ...(deadlineMs === undefined ? {} : { deadlineAt: day.schedule.now() + deadlineMs }),
    ...(budgetNanoUsd === undefined ? {} : { budgetNanoUsd }),
  });
  day.attempted.set(run.id, [...new Set([...(day.attempted.get(run.id) ?? []), ...keys])]);
  await offpeak.fill(run);
  return run;
}

async function end(day: Day, seed: number, isOver: boolean): Promise<DayReport> {
  const stopping = [...day.workers.values()];
  for (const { stop } of stopping) stop.abort();
  let stopped = 0;
  for (const { ended } of stopping) void ended.then(() => (stopped += 1));
  if (!(await day.schedule.runUntil(() => stopped === stopping.length, hourMs))) {
    day.violations.push('the workers did not stop within an hour');
  }
  const verdict = await checkInvariants({
    home: day.home,
    ledger: day.sandbox.ledger(),
    attempted: day.attempted,
    allSucceeded: false,
    ended: isOver,
    killedBeside: day.deaths,
  });
  for (const store of day.stores) await store.close().catch(() => undefined);
  const sum = (sql: string) => Number(Object.values(day.tables.prepare(sql).get() ?? {})[0] ?? 0);
  return {
    ...{ seed, verdict, deaths: day.deaths, steps: day.schedule.steps, trace: day.schedule.trace },
    runs: day.attempted.size,
    jobs: sum('SELECT count(*) FROM jobs'),
    succeeded: sum('SELECT sum(succeeded) FROM runs'),
    batches: sum('SELECT count(*) FROM batches'),
    violations: [...day.violations, ...verdict.violations],
  };
}

async function stateOf(day: Day): Promise<string> {
  const rows = day.tables
    .prepare("SELECT id, state, note, over_budget, queued, packed, running FROM runs WHERE state <> 'ended'")
    .all();
  const batches = day.tables
    .prepare("SELECT id, state, error_message FROM batches WHERE state NOT IN ('collected', 'failed', 'abandoned')")
    .all();
  return `${JSON.stringify(rows)} ${JSON.stringify(batches)}, ${day.open} commands under way`;
}
