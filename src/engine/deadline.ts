import type { Batch } from '../batch.ts';
import { hasCode, messageOf } from '../errors.ts';
import { unfinishedOf } from '../job.ts';
import type { Run } from '../run.ts';
import type { Lane } from '../store-rows.ts';
import { chanceInTime } from './chance-in-time.ts';
import { batchApiOf, type Engine, isCancelling, leaseOf, nextTurn } from './engine.ts';

/**
 * A deadline: batch first, because it costs half; what a batch would bring too late goes realtime. When a batch will end
 * is a distribution, learned from this account's own batches of the model, never a mean.
 */

/** Batches of the past that are looked at. */
const historyLength = 200;
/** What one realtime call is taken to last. */
const callMs = 5_000;
/** Left over for what nobody foresaw. */
const marginMs = 30_000;

/** The last moment at which the run's unfinished jobs can still go realtime and be back in time. */
export function switchAt(run: Run): number | undefined {
  return lastMoment(run, callMs / run.concurrency);
}

function lastMoment(run: Run, msPerJob: number): number | undefined {
  return run.deadlineAt === undefined ? undefined : run.deadlineAt - unfinishedOf(run.counts) * msPerJob - marginMs;
}

/**
 * Whether calls one after another, with their pauses, would miss the deadline: then being gentle to a server that has no
 * batch API must give way. Asked before each call, so that calls that last longer than was taken count as well.
 */
export function isTooLateForSequential(engine: Engine, run: Run): boolean {
  const latest = lastMoment(run, callMs + engine.sequentialPauseMs);
  return latest !== undefined && engine.clock.now() > latest;
}

/** Whether a batch that is sent now would rather miss the deadline than not. */
export async function isTooLateForBatch(
  engine: Engine,
  run: Run,
  { account, model }: Pick<Lane, 'account' | 'model'>,
): Promise<boolean> {
  const latest = switchAt(run);
  if (latest === undefined || run.mode === 'batch') return false;
  const left = latest - engine.clock.now();
  return left <= 0 || chanceInTime(await engine.store.listDurations(account, model, historyLength), 0, left) < 0.5;
}

/** Whether a batch that runs must be given up for the deadline's sake: it is time, or there is next to no chance. */
async function isLate(engine: Engine, run: Run, batch: Batch): Promise<boolean> {
  const latest = switchAt(run);
  if (latest === undefined || run.mode === 'batch') return false;
  const now = engine.clock.now();
  if (now >= latest) return true;
  const durations = await engine.store.listDurations(batch.account, batch.model, historyLength);
  return chanceInTime(durations, now - (batch.submittedAt ?? now), latest - now) < 0.05;
}

/** What waits for the answer of another run's batch, past the last moment: from now on it is sent by itself. */
export async function leaveBatchesIfLate(engine: Engine, run: Run): Promise<void> {
  const latest = switchAt(run);
  if (latest === undefined || run.mode === 'batch' || engine.clock.now() < latest) return;
  while ((await engine.store.leaveBatches(run.id)) > 0) await nextTurn();
}

export function deadlineNote(run: Run): string {
  return `sent in realtime, at the full price, to be done by ${deadlineWords(run)}`;
}

function deadlineWords(run: Run): string {
  return `${new Date(run.deadlineAt ?? 0).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** As `goRealtime`, from one call after another; the full price has its reason already, and the note keeps it. */
export async function leaveSequential(engine: Engine, run: Run, laneId: number): Promise<void> {
  const words = `now up to ${run.concurrency} at once, to be done by ${deadlineWords(run)}`;
  const before = run.note === undefined || run.note.includes(words) ? run.note : `${run.note}; ${words}`;
  await goRealtime(engine, run, laneId, before ?? words);
}

/** From now on the lane's jobs go realtime, and the run says why. */
export async function goRealtime(engine: Engine, run: Run, laneId: number, note = deadlineNote(run)): Promise<void> {
  await engine.store.updateLane(laneId, { mode: 'realtime' });
  if ((await engine.store.getRun(run.id))?.note !== note) {
    await engine.store.updateRun(run.id, { note }, engine.clock.now());
    engine.emit({ type: 'note', message: note });
  }
}

/**
 * A batch that would end too late: its unfinished jobs go realtime as well, the provider is asked to stop it, and the
 * first answer of each job wins. A row that both answered is paid twice, which the deadline demanded: both are booked.
 * Done again with each look at the batch, so that a crash in the middle leaves nothing behind.
 */
export async function hedgeIfLate(engine: Engine, run: Run, batch: Batch, signal: AbortSignal): Promise<void> {
  const { store, clock } = engine;
  const lease = leaseOf(batch);
  if (isCancelling(run, batch)) return;
  if (!batch.hedged) {
    if (!(await isLate(engine, run, batch))) return;
    await goRealtime(engine, run, batch.laneId);
    engine.crashpoint('hedge lane');
    // First of all: once it says so, rows that the cancel ends go on in realtime instead of being cancelled.
    await store.updateBatch(lease, { hedged: true }, clock.now());
    engine.crashpoint('hedge noted');
  }
  // While nobody knows its id, it cannot be stopped.
  if (batch.remoteId !== undefined && !batch.cancelRequested) await askToStop(engine, batch, batch.remoteId, signal);
  let afterJob: number | undefined = 0;
  while (afterJob !== undefined) {
    afterJob = await store.hedgeJobs(lease, afterJob);
    engine.crashpoint('hedge jobs');
    await nextTurn();
  }
}

/** Only saves money: whatever comes of it, the jobs go realtime. Asked again at the next poll, unless it was refused. */
async function askToStop(engine: Engine, batch: Batch, remoteId: string, signal: AbortSignal): Promise<void> {
  try {
    await batchApiOf(engine, batch).cancel(remoteId, signal);
  } catch (error) {
    engine.emit({ type: 'note', message: `batch ${batch.id} cannot be cancelled: ${messageOf(error)}` });
    if (!hasCode(error, 'rejected', 'not_found', 'batch_unavailable', 'bad_answer')) return;
  }
  engine.crashpoint('hedge cancelled');
  await engine.store.updateBatch(leaseOf(batch), { cancelRequested: true }, engine.clock.now());
}
