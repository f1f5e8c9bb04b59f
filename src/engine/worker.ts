import type { Batch } from '../batch.ts';
import { isOffpeakError, OffpeakError } from '../errors.ts';
import { newNonce } from '../ids.ts';
import type { Run } from '../run.ts';
import { runEnded } from '../run.ts';
import type { Lane, Scope } from '../store.ts';
import { advance } from './advance.ts';
import { type Engine, nextTurn } from './engine.ts';
import { createRealtimeLane, type RealtimeLane, startCalls } from './realtime.ts';
import { sweep } from './sweep.ts';

export interface WorkerOptions {
  /** Only this run, and only until it has ended; absent: everything, until stopped. */
  runId?: string;
  /** End once everything has been handed to the provider, instead of following it to its end. */
  untilSubmitted?: boolean;
  /** Whether the process of another owner still runs. */
  isAlive: (owner: string) => boolean;
  /** Batches that this worker moves at the same time. */
  maxBatches?: number;
}

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
export function createWorker(engine: Engine, options: WorkerOptions): Worker {
  const state: WorkerState = {
    engine,
    options,
    scope: {
      accounts: [...engine.providers.keys()],
      ...(options.runId === undefined ? {} : { runId: options.runId }),
    },
    tasks: new Set(),
    packing: new Set(),
    lanes: new Map(),
    runs: new Map(),
    failure: undefined,
    wake: () => {},
    stop: new AbortController(),
    breakOff: new AbortController(),
  };
  return { run: (signal = new AbortController().signal) => runWorker(state, signal), wake: () => state.wake() };
}

interface WorkerState {
  engine: Engine;
  options: WorkerOptions;
  scope: Scope;
  tasks: Set<Promise<void>>;
  /** Lanes that have a batch open here. */
  packing: Set<number>;
  lanes: Map<number, RealtimeLane>;
  runs: Map<string, Run>;
  failure: { error: unknown } | undefined;
  wake: () => void;
  /** Nothing new is started. */
  stop: AbortController;
  /** Realtime calls under way are broken off; they are paid, so they get a while to end first. */
  breakOff: AbortController;
}

async function runWorker(state: WorkerState, outer: AbortSignal): Promise<void> {
  const { engine, stop } = state;
  const forward = () => stop.abort();
  if (outer.aborted) return;
  outer.addEventListener('abort', forward, { once: true });
  const renewing = renewLeases(state);
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
        sweptAt = now;
      }
      // Armed before looking, so that nothing that happens meanwhile is slept over.
      const woken = new Promise<void>((resolve) => {
        state.wake = resolve;
      });
      const dueAt = await startWork(state);
      if (await isDone(state)) break;
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
    renewing.stop();
    await renewing.ended;
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

/** Starts all that can be started now; returns when there is something to do next. */
async function startWork(state: WorkerState): Promise<number> {
  const { store, clock } = state.engine;
  await cancelQueued(state);
  await startBatches(state);
  // With every place taken, the end of a task is what to wait for.
  const hasPlace = state.tasks.size < maxBatches(state);
  let dueAt = (hasPlace ? await store.nextDue(state.scope) : undefined) ?? Number.POSITIVE_INFINITY;
  for (const lane of await store.findLanes(state.scope, clock.now())) {
    if (lane.readyAt > clock.now()) dueAt = Math.min(dueAt, lane.readyAt);
    else if (lane.mode === 'batch') await openBatch(state, lane);
    else dueAt = Math.min(dueAt, await startRealtime(state, lane));
  }
  return dueAt;
}

async function startBatches(state: WorkerState): Promise<void> {
  const { engine } = state;
  while (state.tasks.size < maxBatches(state)) {
    const batch = await engine.store.claimBatch(state.scope, leaseRequest(engine));
    if (!batch) return;
    startBatch(state, batch);
  }
}

function maxBatches({ options }: WorkerState): number {
  return options.maxBatches ?? 4;
}

async function openBatch(state: WorkerState, lane: Lane): Promise<void> {
  const { engine } = state;
  if (state.packing.has(lane.id) || state.tasks.size >= maxBatches(state)) return;
  startBatch(state, await engine.store.openBatch(lane.id, newNonce(engine.random), leaseRequest(engine)));
}

function startBatch(state: WorkerState, batch: Batch): void {
  const { engine, stop, tasks } = state;
  const isPacking = batch.state === 'packing';
  if (isPacking) state.packing.add(batch.laneId);
  const task = advance(
    {
      ...engine,
      breakOff: state.breakOff.signal,
      emit: (event) => {
        // Sealed: the lane's next jobs go into another batch, while this one is being sent.
        if (
          isPacking &&
          event.type === 'batch' &&
          event.batch.state !== 'packing' &&
          state.packing.delete(batch.laneId)
        ) {
          state.wake();
        }
        engine.emit(event);
      },
    },
    batch,
    stop.signal,
  )
    .catch((error) => fail(state, error))
    .finally(() => {
      if (isPacking) state.packing.delete(batch.laneId);
      tasks.delete(task);
      state.wake();
    });
  tasks.add(task);
}

async function startRealtime(state: WorkerState, lane: Lane): Promise<number> {
  const { engine } = state;
  let calls = state.lanes.get(lane.id);
  if (!calls) {
    calls = createRealtimeLane();
    state.lanes.set(lane.id, calls);
  }
  const run = state.runs.get(lane.runId) ?? (await engine.store.getRun(lane.runId));
  if (!run) return Number.POSITIVE_INFINITY;
  state.runs.set(lane.runId, run);
  const onEnd = (error?: unknown) => {
    if (error !== undefined) fail(state, error);
    // The task is taken off its lane only after this callback.
    queueMicrotask(() => setImmediate(() => state.wake()));
  };
  await startCalls(engine, lane, calls, run, state.breakOff.signal, onEnd);
  return calls.restsUntil > engine.clock.now() ? calls.restsUntil : Number.POSITIVE_INFINITY;
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
  let left = runs.length;
  for (const run of runs) if (await endRun(engine, run)) left -= 1;
  const isBusy = tasks.size > 0 || [...lanes.values()].some((lane) => lane.inFlight.size > 0);
  if (options.runId === undefined || isBusy) return false;
  const isSubmitted = (run: Run) => run.state !== 'open' && run.counts.queued + run.counts.packed === 0;
  return left === 0 || (options.untilSubmitted === true && runs.every(isSubmitted));
}

async function endRun(engine: Engine, run: Run): Promise<boolean> {
  if (!runEnded(run)) return false;
  // Every job has ended; a batch may still have to be read to its end.
  const open = await engine.store.listBatches({ runId: run.id, openOnly: true, limit: 1 });
  if (open.length > 0) return false;
  return (await engine.store.updateRun(run.id, { state: 'ended' }, engine.clock.now())).state === 'ended';
}

function fail(state: WorkerState, error: unknown): void {
  if (state.stop.signal.aborted && isOffpeakError(error, 'aborted')) return;
  state.failure ??= { error };
  state.stop.abort();
  state.wake();
}

function leaseRequest(engine: Engine) {
  return { owner: engine.owner, now: engine.clock.now(), leaseMs: engine.leaseMs };
}

function renewLeases(state: WorkerState): { stop: () => void; ended: Promise<void> } {
  const { engine } = state;
  const stop = new AbortController();
  const loop = async () => {
    for (;;) {
      await engine.clock.sleep(engine.leaseMs / 3, stop.signal);
      if (stop.signal.aborted) return;
      await engine.store.renewLeases(engine.owner, engine.clock.now() + engine.leaseMs);
    }
  };
  return { stop: () => stop.abort(), ended: loop().catch((error) => fail(state, error)) };
}
