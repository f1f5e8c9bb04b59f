import type { Batch, BatchState } from '../batch.ts';
import { isOpenBatch } from '../batch.ts';
import { hasCode, isOffpeakError, messageOf, OffpeakError } from '../errors.ts';
import type { LaneMode } from '../store-rows.ts';
import { collect } from './collect.ts';
import { goRealtime, isTooLateForBatch } from './deadline.ts';
import { backoffMs, type Engine, isCancelling, leaseOf, providerOf } from './engine.ts';
import { dissolve, isWhole, pack } from './pack.ts';
import { poll } from './poll.ts';
import { reconcile } from './reconcile.ts';
import { failAll, sendSmaller, triesPerFile } from './refused.ts';
import { isAlone } from './schedule.ts';
import { submit } from './submit.ts';

type Step = (engine: Engine, batch: Batch, signal: AbortSignal) => Promise<Batch>;

/** What is to be done with a batch, by its state. The whole life of a batch is this table. */
const steps: Readonly<Partial<Record<BatchState, Step>>> = {
  packing: pack,
  packed: submitUnlessCancelled,
  // Found in this state, its worker ended between "about to create" and the answer.
  submitting: markUnknown,
  unknown: reconcile,
  in_progress: poll,
  ended: collect,
  collecting: collect,
};

/** Takes a leased batch through its states as far as it goes now, and gives the lease back. */
export async function advance(engine: Engine, leased: Batch, signal: AbortSignal): Promise<void> {
  let batch = leased;
  try {
    let isFirst = true;
    // Claimed because it was due; from then on only as far as it is.
    while (isOpenBatch(batch.state) && (isFirst || batch.nextAt <= engine.clock.now()) && !signal.aborted) {
      isFirst = false;
      const step = steps[batch.state];
      if (!step) break;
      const before = batch.state;
      batch = await step(engine, batch, signal);
      engine.emit({ type: 'batch', batch });
      // Whatever is to be done again is done under the next lease, so that what is read twice is known to be.
      if (batch.state === before) break;
    }
    await engine.store.updateBatch(leaseOf(leased), {}, engine.clock.now(), 'release');
  } catch (error) {
    await recover(engine, leased, error, signal);
  }
}

async function submitUnlessCancelled(engine: Engine, batch: Batch, signal: AbortSignal): Promise<Batch> {
  const run = await engine.store.getRun(batch.runId);
  if (isCancelling(run, batch)) return dissolve(engine, batch, 'cancelled', 'it was cancelled before it was sent');
  if (!(await isWhole(engine, batch))) return dissolve(engine, batch, 'queued', 'it was being taken apart');
  if (run && (batch.hedged || (await isTooLateForBatch(engine, run, batch)))) {
    await goRealtime(engine, run, batch.laneId);
    return dissolve(engine, batch, 'queued', 'the deadline leaves no time for a batch');
  }
  return submit(engine, batch, signal);
}

function markUnknown(engine: Engine, batch: Batch): Promise<Batch> {
  return engine.store.updateBatch(
    leaseOf(batch),
    { state: 'unknown', absences: 0, absentSince: null },
    engine.clock.now(),
  );
}

/** Faults that no waiting cures: whoever runs the engine must act. */
const fatal = ['auth', 'quota', 'config'] as const;

/** Times that a batch may be missing at its own account before its jobs are given up. */
const maxNotFound = 20;

async function recover(engine: Engine, leased: Batch, error: unknown, signal: AbortSignal): Promise<void> {
  // Somebody else has the batch now: nothing of ours may be written.
  if (hasCode(error, 'conflict')) return;
  if (!isOffpeakError(error) || error.code.startsWith('store_') || error.code === 'internal') throw error;
  const { store, clock } = engine;
  const lease = leaseOf(leased);
  // As it stands in the store now; an empty change reads it under the lease.
  const batch = await store.updateBatch(lease, {}, clock.now());
  if (signal.aborted) {
    await store.updateBatch(lease, {}, clock.now(), 'release');
    return;
  }
  if (hasCode(error, ...fatal)) {
    await putAside(engine, batch, error);
    throw error;
  }
  if (hasCode(error, 'batch_unavailable') && !hasRemote(batch)) {
    return fallBack(engine, batch, error).catch((fault) => recover(engine, leased, fault, signal));
  }
  if (await isWantOfRoom(engine, batch, error)) {
    await sendSmaller(engine, batch, error.limit, { code: error.code, message: error.message });
    await store.updateBatch(lease, {}, clock.now(), 'release');
    return;
  }
  if (hasCode(error, 'rejected') && batch.state === 'packed') {
    return giveUp(engine, batch, { code: 'rejected', message: error.message });
  }
  const notFound = hasCode(error, 'not_found') ? batch.notFound + 1 : 0;
  if (notFound >= maxNotFound) {
    const message = `${error.message}. These jobs are not sent again by themselves, for they may have run`;
    return giveUp(engine, batch, { code: 'batch_lost', message });
  }
  const tries = batch.tries + 1;
  if (hasCode(error, 'unavailable') && !hasRemote(batch) && tries >= engine.maxUnavailable) {
    await store.updateBatch(lease, { tries: 0 }, clock.now(), 'release');
    throw error;
  }
  const pause = Math.max(error.retryAfterMs ?? 0, backoffMs(engine.retry, tries, engine.random));
  engine.emit({ type: 'note', message: `batch ${batch.id} waits ${Math.round(pause / 1000)} s: ${error.message}` });
  // Asked too often: that goes for every batch of the account.
  if (error.code === 'rate_limited') await store.restAccount(batch.account, clock.now() + pause);
  await store.updateBatch(
    lease,
    {
      tries,
      notFound,
      nextAt: clock.now() + pause,
      errorCode: error.code,
      errorMessage: messageOf(error),
      // The file that was uploaded does not appear: upload it again.
      ...(hasCode(error, 'not_ready') && tries % triesPerFile === 0 ? { inputFileId: null } : {}),
    },
    clock.now(),
    'release',
  );
}

/**
 * Creates that are refused again and again as too many, while others of ours are enqueued, are refused for those, not for
 * how often we ask. Alone, it is how often somebody else asks.
 */
const refusalsForRoom = 4;

async function isWantOfRoom(engine: Engine, batch: Batch, error: OffpeakError): Promise<boolean> {
  if (batch.state !== 'packed') return false;
  if (error.code === 'no_room') return true;
  return error.code === 'rate_limited' && batch.tries + 1 >= refusalsForRoom && !(await isAlone(engine, batch));
}

function hasRemote(batch: Batch): boolean {
  return batch.remoteId !== undefined || batch.state === 'unknown' || batch.state === 'submitting';
}

/** Gives it back, and where it would be taken up again at once, not before somebody may have mended what is wrong. */
async function putAside({ store, clock, asideMs }: Engine, batch: Batch, error: OffpeakError): Promise<void> {
  // A key or money stops its whole account; that goes on as soon as it can.
  const isLate = asideMs !== undefined && error.code === 'config';
  const { code: errorCode, message: errorMessage } = error;
  const change = isLate ? { nextAt: clock.now() + asideMs, errorCode, errorMessage } : {};
  await store.updateBatch(leaseOf(batch), change, clock.now(), 'release');
}

/** The provider has no batch API at this address: the lane's jobs go one after another in realtime, and the run says so. */
async function fallBack(engine: Engine, batch: Batch, error: OffpeakError): Promise<void> {
  const { store, clock } = engine;
  const run = await store.getRun(batch.runId);
  if (run?.mode === 'batch') {
    const message = `${error.message}: no batch API here, and the run was asked for with --mode batch`;
    return refuseMode(engine, batch, new OffpeakError(message, { code: 'config', cause: error }));
  }
  await proveApi(engine, batch);
  const note = `${batch.provider} has no batch API here (${error.message}): running in realtime, one after another, at the full price`;
  const mode: LaneMode = 'sequential';
  await store.updateLane(batch.laneId, { mode });
  await store.updateRun(batch.runId, { note }, clock.now());
  await dissolve(engine, batch, 'queued', note);
  await store.updateBatch(leaseOf(batch), {}, clock.now(), 'release');
  engine.emit({ type: 'note', message: note });
}

/** The fault of one run, and of nothing else at its account: a service leaves this batch alone, and no other. */
async function refuseMode(engine: Engine, batch: Batch, error: OffpeakError): Promise<void> {
  if (engine.asideMs === undefined) throw error;
  const minutes = Math.round(engine.asideMs / 60_000);
  engine.emit({ type: 'note', message: `batch ${batch.id} waits ${minutes} minutes: ${error.message}` });
  await putAside(engine, batch, error);
}

/** What the check of an account may meet though its address is right: it passes, or says itself what is wrong. */
const saysNothingOfAddress = ['unavailable', 'rate_limited', 'aborted', 'auth', 'quota'] as const;

/** A 404 can also mean a wrong address: then every call would fail, at the full price. */
async function proveApi(engine: Engine, batch: Batch): Promise<void> {
  try {
    await providerOf(engine, batch.account).check();
  } catch (error) {
    if (hasCode(error, ...saysNothingOfAddress)) throw error;
    const message = `${batch.provider} does not answer as its API should (${messageOf(error)}); check the base URL: is /v1 missing?`;
    throw new OffpeakError(message, { code: 'config', cause: error });
  }
}

async function giveUp(engine: Engine, batch: Batch, reason: { code: string; message: string }): Promise<void> {
  await failAll(engine, batch, reason, { mayBeCharged: reason.code === 'batch_lost' });
  await engine.store.updateBatch(
    leaseOf(batch),
    {
      // What was read of it stays.
      state: batch.state === 'collecting' ? 'collected' : 'failed',
      errorCode: reason.code,
      errorMessage: reason.message,
    },
    engine.clock.now(),
    'release',
  );
  engine.emit({ type: 'note', message: `batch ${batch.id} has failed: ${reason.message}` });
}
