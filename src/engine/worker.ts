import { OffpeakError } from '../errors.ts';
import type { Run } from '../run.ts';
import { runEnded } from '../run.ts';
import { budgetNote } from './budget.ts';
import { leaveBatchesIfLate } from './deadline.ts';
import { type Engine, nextTurn } from './engine.ts';
import { asHolder, holdLeases } from './hold-leases.ts';
import { createWorkerState, fail, startWork, type WorkerOptions, type WorkerState } from './start-work.ts';
import { sweep } from './sweep.ts';

export interface Worker {
  /** Resolves when the run has ended, when the signal is aborted and nothing is under way, or rejects with what stops it. */
  run(signal?: AbortSignal): Promise<void>;
  /** There may be work: look now. */
  wake(): void;
}

/** Looks for other workers' remains this often. */
const sweepEveryMs = 5_000;
/** What realtime calls get to end in after a stop. */
const graceMs = 8_000;
/** Longest sleep: another process may have added work without waking us. */
const longestSleepMs = 1_000;

/** The engine's loop: claims what is due in the store and starts it; the steps do the rest. */
export function createWorker(base: Engine, options: WorkerOptions): Worker {
  const engine = asHolder(base);
  const state = createWorkerState(engine, options);
  return { run: (signal = new AbortController().signal) => runWorker(state, signal), wake: () => state.wake() };
}

async function runWorker(state: WorkerState, outer: AbortSignal): Promise<void> {
  const { engine, stop } = state;
  const forward = () => stop.abort();
  if (outer.aborted) return;
  outer.addEventListener('abort', forward, { once: true });
  const holding = holdLeases(engine, (error) => fail(state, error));
  try {
    await takeForeignWork(state);
    let sweptAt = Number.NEGATIVE_INFINITY;
    let sparesUntil = Number.NEGATIVE_INFINITY;
    while (!stop.signal.aborted) {
      const now = engine.clock.now();
      if (Math.abs(now - sweptAt) >= sweepEveryMs) {
        // After a suspend everybody's leases have lapsed, of the living too: they get the time to renew them first.
        if (now - sweptAt > 3 * sweepEveryMs && Number.isFinite(sweptAt)) sparesUntil = now + engine.leaseMs;
        await sweep(engine, state.options.isAlive, { freeLapsed: now >= sparesUntil });
        for (const run of await unfinishedRuns(state)) await leaveBatchesIfLate(engine, run);
        await checkFollowers(state);
        sweptAt = now;
      }
      // Armed before looking, so that nothing that happens meanwhile is slept over.
      const woken = new Promise<void>((resolve) => {
        state.wake = resolve;
      });
      await cancelQueued(state);
      await settleFollowers(state);
      const dueAt = await startWork(state);
      if ((await isDone(state)) || stop.signal.aborted) break;
      const pause = Math.min(Math.max(dueAt - engine.clock.now(), 1), longestSleepMs);
      const sleeping = new AbortController();
      const forwardStop = () => sleeping.abort();
      stop.signal.addEventListener('abort', forwardStop, { once: true });
      await Promise.race([woken, engine.clock.sleep(pause, sleeping.signal)]);
      stop.signal.removeEventListener('abort', forwardStop);
      sleeping.abort();
    }
  } finally {
    outer.removeEventListener('abort', forward);
    stop.abort();
    await endTasks(state);
    await holding.end();
  }
  if (state.failure) throw state.failure.error;
}

/**
 * Work of an account that is not configured would be waited for in silence, for ever. What was never sent goes to the
 * provider's account of today (a new key, a corrected address); what was sent needs the old one.
 */
async function takeForeignWork(state: WorkerState): Promise<void> {
  const { engine, options } = state;
  const { runId } = options;
  if (runId === undefined) return;
  await cancelQueued(state);
  const open = [
    ...(await engine.store.findLanes({ runId }, engine.clock.now())),
    ...(await engine.store.listBatches({ runId, openOnly: true })),
  ];
  const followed = (await engine.store.checkFollowers(runId, 0)).batchIds;
  const others = followed.length === 0 ? [] : await engine.store.listBatches({ openOnly: true });
  for (const batch of others) {
    if (followed.includes(batch.id) && !engine.providers.has(batch.account)) throw foreignAccount(batch.runId, batch);
  }
  for (const foreign of open) {
    if (engine.providers.has(foreign.account)) continue;
    const today = [...engine.providers.values()].find(({ name }) => name === foreign.provider);
    if (today && (await engine.store.moveAccount(runId, foreign.account, today.account))) continue;
    throw foreignAccount(runId, foreign);
  }
}

function foreignAccount(runId: string, { provider, account }: { provider: string; account: string }): OffpeakError {
  return new OffpeakError(
    `Run ${runId} has a batch at another account of ${provider} (${account}). Use the key and the address it was begun with.`,
    { code: 'config' },
  );
}

/** Waits for what is under way; batches stop at their next safe point, calls get a grace period. */
async function endTasks({ engine, tasks, lanes, breakOff }: WorkerState): Promise<void> {
  const ended = new AbortController();
  void engine.clock.sleep(graceMs, ended.signal).then(() => breakOff.abort());
  await Promise.allSettled([...tasks, ...[...lanes.values()].flatMap((lane) => [...lane.inFlight])]);
  ended.abort();
}

/** The runs that this worker may work on and that have not ended. */
async function unfinishedRuns({ engine: { store }, options: { runId } }: WorkerState): Promise<Run[]> {
  if (runId === undefined) return store.listRuns({ unfinished: true });
  const run = await store.getRun(runId);
  return run && run.state !== 'ended' ? [run] : [];
}

async function cancelQueued(state: WorkerState): Promise<void> {
  for (const run of await unfinishedRuns(state)) {
    if (run.state !== 'cancelling') continue;
    while ((await state.engine.store.cancelQueuedJobs(run.id)) > 0) await nextTurn();
  }
}

/** Ends the runs of which nothing is awaited any more; true when this worker has nothing left to wait for either. */
async function isDone(state: WorkerState): Promise<boolean> {
  const { engine, options, tasks, lanes, stop } = state;
  if (stop.signal.aborted) return false;
  const runs = await unfinishedRuns(state);
  const isBusy = tasks.size > 0 || [...lanes.values()].some((lane) => lane.inFlight.size > 0);
  let left = runs.length;
  for (const run of runs) if ((await endRun(engine, run)) || (!isBusy && (await isOutOfBudget(state, run)))) left -= 1;
  if (options.runId === undefined || isBusy) return false;
  if (left === 0) {
    // Jobs of other runs may have ended with ours, and nobody follow those.
    for (const run of await engine.store.listRuns({ unfinished: true })) await endRun(engine, run);
    return true;
  }
  if (options.untilSubmitted !== true) return false;
  for (const run of runs) if (!(await isSubmitted(engine, run))) return false;
  return true;
}

/** Everything is with the provider, or waits for the answer to a request that is. */
async function isSubmitted({ store, clock }: Engine, run: Run): Promise<boolean> {
  if (run.state === 'open' || run.counts.packed > 0) return false;
  return run.counts.queued === 0 || (await store.findLanes({ runId: run.id }, clock.now())).length === 0;
}

/** All that is left waits for a larger budget: nothing more will happen until a person allows it. */
async function isOutOfBudget({ engine, scope }: WorkerState, run: Run): Promise<boolean> {
  if (!run.isOverBudget || run.state === 'open') return false;
  const open = await engine.store.listBatches({ runId: run.id, openOnly: true, limit: 1 });
  // Answers of another run's batch are free.
  if (open.length > 0 || (scope.batchIds ?? []).length > 0) return false;
  const current = await engine.store.getRun(run.id);
  // Calls of other workers give back what they hold.
  if (!current?.isOverBudget || current.counts.running > 0) return false;
  const note = budgetNote(current);
  if (current.note !== note) {
    await engine.store.updateRun(run.id, { note }, engine.clock.now());
    engine.emit({ type: 'note', message: note });
  }
  return true;
}

/** Batches of other runs that are followed at once. */
const maxFollowed = 100;

/** Jobs of this run that wait for the same request of another run: somebody must see to that one. */
async function checkFollowers({ engine, options, scope }: WorkerState): Promise<void> {
  // Who works for all sees to every leader, but for those that wait for money.
  if (options.runId === undefined) return leaveUnpaid(engine);
  const followed = new Set<number>();
  let afterLeader: number | undefined = 0;
  while (afterLeader !== undefined) {
    const { batchIds, lastLeader }: { batchIds: number[]; lastLeader: number | undefined } =
      await engine.store.checkFollowers(options.runId, afterLeader);
    for (const id of batchIds) if (followed.size < maxFollowed) followed.add(id);
    afterLeader = lastLeader;
    if (lastLeader !== undefined) await nextTurn();
  }
  scope.batchIds = [...followed];
}

async function leaveUnpaid({ store }: Engine): Promise<void> {
  for (const run of await store.listRuns({ unfinished: true })) {
    if (!run.isOverBudget) continue;
    let afterLeader: number | undefined = 0;
    while (afterLeader !== undefined) {
      afterLeader = await store.leaveUnpaid(run.id, afterLeader);
      await nextTurn();
    }
  }
}

async function settleFollowers({ engine: { store } }: WorkerState): Promise<void> {
  while ((await store.settleFollowers()) > 0) await nextTurn();
}

async function endRun(engine: Engine, run: Run): Promise<boolean> {
  if (!runEnded(run)) return false;
  // Every job has ended; a batch may still have to be read to its end.
  const open = await engine.store.listBatches({ runId: run.id, openOnly: true, limit: 1 });
  if (open.length > 0) return false;
  return (await engine.store.updateRun(run.id, { state: 'ended' }, engine.clock.now())).state === 'ended';
}
