import type { Batch } from '../batch.ts';
import { hasCode, messageOf } from '../errors.ts';
import type { BatchLimits, RemoteBatch } from '../provider.ts';
import type { Run } from '../run.ts';
import type { BatchChange } from '../store-rows.ts';
import { hedgeIfLate, switchAt } from './deadline.ts';
import { batchApiOf, type Engine, isCancelling, leaseOf } from './engine.ts';
import { refused } from './refused.ts';
import { startJobs } from './submit.ts';

/**
 * Asks the provider once how a batch does, and notes when to ask next. With a cancelled run the first question is the
 * request to stop; the batch is then followed to its end like any other, for what it finished is paid and kept.
 */
export async function poll(engine: Engine, batch: Batch, signal: AbortSignal): Promise<Batch> {
  const { store, clock } = engine;
  const api = batchApiOf(engine, batch);
  const remoteId = batch.remoteId ?? '';
  const run = await store.getRun(batch.runId);
  const cancelNow = isCancelling(run, batch) && !batch.cancelRequested;
  // A crash after the batch's id was saved has left jobs behind that wait to be sent.
  if (run && run.counts.packed > 0) await startJobs(engine, batch);
  if (run && !cancelNow) await hedgeIfLate(engine, run, batch, signal);
  const remote = (cancelNow && (await tryCancel(engine, batch, signal))) || (await api.get(remoteId, signal));
  engine.crashpoint(cancelNow ? 'C20' : 'C12');
  // As it stands now: the deadline may have sent its jobs in realtime a moment ago.
  if (remote.phase === 'refused') {
    return refused(engine, await store.updateBatch(leaseOf(batch), {}, clock.now()), remote);
  }

  const tries = batch.rawStatus === remote.rawStatus ? batch.tries + 1 : 0;
  if (remote.phase === 'ended') engine.crashpoint('C13');
  return store.updateBatch(
    leaseOf(batch),
    {
      ...observed(remote),
      ...(cancelNow ? { cancelRequested: true } : {}),
      ...(remote.phase === 'ended'
        ? { state: 'ended', tries: 0, nextAt: 0, endedAt: remote.endedAt ?? clock.now() }
        : { tries, nextAt: nextPollAt(engine, batch, run, pollIntervalMs(api.limits, tries)) }),
    },
    clock.now(),
  );
}

/** In time for the moment at which the deadline decides. */
function nextPollAt({ clock }: Engine, batch: Batch, run: Run | undefined, intervalMs: number): number {
  const next = clock.now() + intervalMs;
  const latest = run && !batch.hedged ? switchAt(run) : undefined;
  return latest !== undefined && latest > clock.now() ? Math.min(next, latest) : next;
}

/** A provider that refuses to cancel is asked once; the batch is then followed to its end all the same. */
async function tryCancel(engine: Engine, batch: Batch, signal: AbortSignal): Promise<RemoteBatch | undefined> {
  try {
    return await batchApiOf(engine, batch).cancel(batch.remoteId ?? '', signal);
  } catch (error) {
    if (!hasCode(error, 'rejected', 'not_found', 'batch_unavailable', 'bad_answer')) throw error;
    engine.emit({ type: 'note', message: `batch ${batch.id} cannot be cancelled: ${messageOf(error)}` });
    return undefined;
  }
}

function observed(remote: RemoteBatch): BatchChange {
  return {
    rawStatus: remote.rawStatus,
    notFound: 0,
    errorCode: null,
    errorMessage: null,
    ...(remote.counts ? { counts: remote.counts } : {}),
    ...(remote.expiresAt === undefined ? {} : { expiresAt: remote.expiresAt }),
  };
}

/** Grows by a quarter with each poll that brings no new status: 2 s at first, a minute after a quarter of an hour. */
export function pollIntervalMs(limits: BatchLimits, tries: number): number {
  return Math.min(limits.pollMaxMs, Math.round(limits.pollMinMs * 1.25 ** Math.min(tries, 100)));
}
