import type { Batch } from '../batch.ts';
import { hasCode, messageOf } from '../errors.ts';
import { unfinishedOf } from '../job.ts';
import type { Run } from '../run.ts';
import type { Lane } from '../store-rows.ts';
import { batchApiOf, type Engine, leaseOf, nextTurn } from './engine.ts';

/**
 * A deadline: batch first, because it costs half; what a batch would bring too late goes realtime. When a batch will end
 * is a distribution, learned from this account's own batches of the model, never a mean.
 */

/** Batches of the past that are looked at. */
const historyLength = 200;
/** With fewer of them, this is believed beside them: most end within the hour, some take the whole day. */
const belief: readonly number[] = [10, 30, 60, 120, 240, 480, 1440].map((minutes) => minutes * 60_000);
const enough = 20;
/** What one realtime call is taken to last. */
const callMs = 5_000;
/** Left over for what nobody foresaw. */
const marginMs = 30_000;

/** The chance that a batch of this age ends within the time that is left; 0 to 1. */
export function chanceInTime(durationsMs: readonly number[], ageMs: number, leftMs: number): number {
  const known = durationsMs.length >= enough ? durationsMs : [...durationsMs, ...belief];
  const later = known.filter((duration) => duration > ageMs);
  // Older than any before it: nobody can say.
  if (later.length === 0) return 0;
  return later.filter((duration) => duration <= ageMs + leftMs).length / later.length;
}

/** The last moment at which the run's unfinished jobs can still go realtime and be back in time. */
export function switchAt(run: Run): number | undefined {
  if (run.deadlineAt === undefined) return undefined;
  return run.deadlineAt - (unfinishedOf(run.counts) / run.concurrency) * callMs - marginMs;
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

export function deadlineNote(run: Run): string {
  const time = new Date(run.deadlineAt ?? 0).toISOString().slice(0, 16).replace('T', ' ');
  return `sent in realtime, at the full price, to be done by ${time} UTC`;
}

/** From now on the lane's jobs go realtime, and the run says why. */
export async function goRealtime(engine: Engine, run: Run, laneId: number): Promise<void> {
  const note = deadlineNote(run);
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
  if (run.state === 'cancelling') return;
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
