import type { Batch } from '../batch.ts';
import { hasCode, isOffpeakError, messageOf } from '../errors.ts';
import { newNonce } from '../ids.ts';
import type { Run } from '../run.ts';
import type { Lane, Scope } from '../store-rows.ts';
import { advance } from './advance.ts';
import { shouldWaitForMoney } from './budget.ts';
import { goRealtime, isTooLateForBatch, isTooLateForSequential, leaveSequential } from './deadline.ts';
import { type Engine, leaseOf } from './engine.ts';
import { dissolve } from './pack.ts';
import { createRealtimeLane, type RealtimeLane, startCalls } from './realtime.ts';

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

export interface WorkerState {
  engine: Engine;
  options: WorkerOptions;
  /** What it may touch now. */
  scope: Scope;
  tasks: Set<Promise<void>>;
  /** Lanes that have a batch open here. */
  packing: Set<number>;
  lanes: Map<number, RealtimeLane>;
  runs: Map<string, Run>;
  /** Accounts that nothing is asked of before a moment: their key, their money or their provider fails. */
  paused: Map<string, number>;
  failure: { error: unknown } | undefined;
  wake: () => void;
  /** Nothing new is started. */
  stop: AbortController;
  /** Realtime calls under way are broken off; they are paid, so they get a while to end first. */
  breakOff: AbortController;
}

export function createWorkerState(engine: Engine, options: WorkerOptions): WorkerState {
  return {
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
    paused: new Map(),
    failure: undefined,
    wake: () => {},
    stop: new AbortController(),
    breakOff: new AbortController(),
  };
}

/** Starts all that can be started now; returns when there is something to do next. */
export async function startWork(state: WorkerState): Promise<number> {
  const { store, clock } = state.engine;
  wakeAccounts(state);
  await startBatches(state);
  // With every place taken, the end of a task is what to wait for.
  const hasPlace = state.tasks.size < maxBatches(state);
  let dueAt = (hasPlace ? await store.nextDue(state.scope) : undefined) ?? Number.POSITIVE_INFINITY;
  const lanes = await store.findLanes(state.scope, clock.now());
  forgetLanes(state, lanes);
  for (const lane of lanes) {
    if (state.stop.signal.aborted) break;
    // The end of the batch that warms the cache is what its lane waits for.
    if (lane.isPriming) continue;
    if (lane.readyAt > clock.now()) dueAt = Math.min(dueAt, lane.readyAt);
    else if (lane.mode === 'batch') await openBatch(state, lane);
    else dueAt = Math.min(dueAt, await startRealtime(state, lane));
  }
  return dueAt;
}

/** A service works for months: what it knows of a lane, and of the lane's run, goes when the lane has nothing to do. */
function forgetLanes({ engine, lanes, runs }: WorkerState, found: readonly Lane[]): void {
  const isFound = new Set(found.map(({ id }) => id));
  for (const [id, { inFlight, restsUntil }] of lanes) {
    if (!isFound.has(id) && inFlight.size === 0 && restsUntil <= engine.clock.now()) lanes.delete(id);
  }
  const hasLane = new Set(found.map(({ runId }) => runId));
  for (const id of runs.keys()) if (!hasLane.has(id)) runs.delete(id);
}

async function startBatches(state: WorkerState): Promise<void> {
  const { engine } = state;
  // After a stop a batch is given back as it was, due: it would be claimed again for ever.
  while (!state.stop.signal.aborted && state.tasks.size < maxBatches(state)) {
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
  const run = await engine.store.getRun(lane.runId);
  if (run && (await isTooLateForBatch(engine, run, lane))) {
    await goRealtime(engine, run, lane.id);
    state.wake();
    return;
  }
  if (run && shouldWaitForMoney(run) && (await hasOpenBatch(engine, run))) return;
  startBatch(state, await engine.store.openBatch(lane.id, newNonce(engine.random), leaseRequest(engine)));
}

async function hasOpenBatch(engine: Engine, run: Run): Promise<boolean> {
  return (await engine.store.listBatches({ runId: run.id, openOnly: true, limit: 1 })).length > 0;
}

function startBatch(state: WorkerState, batch: Batch): void {
  const { engine, stop, tasks } = state;
  const isPacking = batch.state === 'packing';
  if (isPacking) state.packing.add(batch.laneId);
  const work = isPacking && batch.runId !== (state.options.runId ?? batch.runId) ? takeApart : advance;
  const task = work(
    {
      ...engine,
      breakOff: state.breakOff.signal,
      ...(state.options.runId === undefined ? { asideMs: pauseMs } : {}),
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
    .catch((error) => failOrPause(state, batch.account, error))
    .finally(() => {
      if (isPacking) state.packing.delete(batch.laneId);
      tasks.delete(task);
      state.wake();
    });
  tasks.add(task);
}

/**
 * A batch that another run's worker has left half packed, and that we only follow: its jobs go back to their queue, for
 * nobody here reads that run's source to its end.
 */
async function takeApart(engine: Engine, batch: Batch): Promise<void> {
  try {
    await dissolve(engine, batch, 'queued', 'its worker has ended');
    await engine.store.updateBatch(leaseOf(batch), {}, engine.clock.now(), 'release');
  } catch (error) {
    if (!hasCode(error, 'conflict')) throw error;
  }
}

async function startRealtime(state: WorkerState, lane: Lane): Promise<number> {
  const { engine } = state;
  let calls = state.lanes.get(lane.id);
  if (!calls) {
    calls = createRealtimeLane();
    state.lanes.set(lane.id, calls);
  }
  // What calls need of a run does not change; whether they may go one after another hangs on what is left of it.
  const kept = lane.mode === 'sequential' ? undefined : state.runs.get(lane.runId);
  const run = kept ?? (await engine.store.getRun(lane.runId));
  if (!run) return Number.POSITIVE_INFINITY;
  state.runs.set(lane.runId, run);
  const onEnd = (error?: unknown) => {
    if (error !== undefined) failOrPause(state, lane.account, error);
    // The task is taken off its lane only after this callback.
    queueMicrotask(() => setImmediate(() => state.wake()));
  };
  await startCalls(engine, await inTime(engine, lane, run), calls, run, state.breakOff.signal, onEnd);
  return calls.restsUntil > engine.clock.now() ? calls.restsUntil : Number.POSITIVE_INFINITY;
}

/** The lane as it goes on: one call after another only as long as the run's deadline allows it. */
async function inTime(engine: Engine, lane: Lane, run: Run): Promise<Lane> {
  if (lane.mode !== 'sequential' || !isTooLateForSequential(engine, run)) return lane;
  await leaveSequential(engine, run, lane.id);
  return { ...lane, mode: 'realtime' };
}

const pauseMs = 15 * 60_000;

/** Faults of the store or of ours: with any account it would be the same. Everything else a provider has said. */
function concernsAll(error: unknown): boolean {
  return !isOffpeakError(error) || error.code.startsWith('store_') || hasCode(error, 'internal', 'usage', 'aborted');
}

/**
 * The fault of one account stops a worker that serves one run; one that serves everybody leaves the account alone for a
 * while and says what is to be done, so that the others go on, no paid call of theirs is broken off and the queue is not
 * burnt.
 */
function failOrPause(state: WorkerState, account: string, error: unknown): void {
  // Somebody else has the batch now.
  if (hasCode(error, 'conflict')) return;
  if (state.options.runId !== undefined || concernsAll(error)) {
    fail(state, error);
    return;
  }
  const { engine } = state;
  const until = engine.clock.now() + pauseMs;
  state.paused.set(account, until);
  state.scope.accounts = [...engine.providers.keys()].filter((known) => !state.paused.has(known));
  const message = `${account} is paused for ${pauseMs / 60_000} minutes: ${messageOf(error)}`;
  engine.emit({ type: 'paused', account, until, message });
  state.wake();
}

function wakeAccounts({ engine, paused, scope }: WorkerState): void {
  for (const [account, until] of paused) if (until <= engine.clock.now()) paused.delete(account);
  scope.accounts = [...engine.providers.keys()].filter((known) => !paused.has(known));
}

export function fail(state: WorkerState, error: unknown): void {
  if (state.stop.signal.aborted && isOffpeakError(error, 'aborted')) return;
  state.failure ??= { error };
  state.stop.abort();
  state.wake();
}

function leaseRequest(engine: Engine) {
  return { owner: engine.owner, now: engine.clock.now(), leaseMs: engine.leaseMs };
}
