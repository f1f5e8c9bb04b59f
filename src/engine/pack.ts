import type { Batch } from '../batch.ts';
import type { BookRow, PackedJobs } from '../store-rows.ts';
import { chunkRows } from '../store-rows.ts';
import { boundOf } from './budget.ts';
import { batchApiOf, type Engine, leaseOf, nextTurn } from './engine.ts';
import { roomOf } from './schedule.ts';

/** How long an open batch waits for the next items of its source before it looks again. */
const waitForItemsMs = 50;

/**
 * Claims queued jobs into a batch, chunk by chunk, until it is full or its run has no more, and seals it. Nothing has
 * been sent before that, so a crash in the middle costs nothing: the next worker goes on where this one was.
 */
export async function pack(engine: Engine, opened: Batch, signal: AbortSignal): Promise<Batch> {
  const { store, clock } = engine;
  let batch = opened;
  if (!(await isWhole(engine, batch))) return dissolve(engine, batch, 'queued', 'it was being taken apart');
  while (!signal.aborted) {
    // Read before claiming: a run that was sealed before the last claim found nothing has nothing more to come.
    const run = await store.getRun(batch.runId);
    if (run?.state === 'cancelling') return dissolve(engine, batch, 'cancelled', 'the run was cancelled');
    const packed = await packChunk(engine, batch);
    engine.crashpoint('C3');
    batch = {
      ...batch,
      requests: batch.requests + packed.packed,
      bytes: batch.bytes + packed.bytes,
      tokens: batch.tokens + packed.tokens,
      inputs: batch.inputs + packed.inputs,
    };
    // What fitted into the budget goes; the rest waits until held money comes back, or a person allows more.
    if (packed.overBudget || packed.full) return seal(engine, batch);
    if (packed.packed > 0 || packed.oversize > 0 || packed.spared > 0) {
      await nextTurn();
      continue;
    }
    // A queue's run stays open; of its jobs only those that were let go can be packed, and those are all here.
    if (run?.state !== 'open' || run.queue !== undefined) return seal(engine, batch);
    await clock.sleep(waitForItemsMs, signal);
  }
  return batch;
}

export async function packChunk(engine: Engine, batch: Batch): Promise<PackedJobs> {
  const api = batchApiOf(engine, batch);
  const { maxRequests, maxBytes, maxInputs } = api.limits;
  const room = await roomOf(engine, batch);
  const bound = boundOf(engine, batch, true);
  const most = room?.unit === 'requests' ? Math.min(maxRequests, room.limit) : maxRequests;
  return engine.store.packJobs(leaseOf(batch), {
    requests: Math.max(0, (batch.isPrimer ? 1 : most) - batch.requests),
    bytes: maxBytes - batch.bytes,
    maxBytes,
    now: engine.clock.now(),
    lineOverhead: api.lineBytes(0, '', batch.endpoint),
    ...(maxInputs === undefined ? {} : { inputs: maxInputs - batch.inputs, maxInputs }),
    ...(room?.unit === 'tokens' ? { tokens: room.limit - batch.tokens } : {}),
    ...(bound && { bound }),
  });
}

function seal(engine: Engine, batch: Batch): Promise<Batch> {
  const state = batch.requests === 0 ? 'abandoned' : 'packed';
  return engine.store.updateBatch(leaseOf(batch), { state }, engine.clock.now());
}

/**
 * Takes a batch apart that surely does not exist at the provider: its jobs go back to the queue, or to `cancelled`, and
 * the attempt does not count.
 */
export async function dissolve(
  engine: Engine,
  batch: Batch,
  next: 'queued' | 'cancelled',
  reason: string,
  availableAt = 0,
): Promise<Batch> {
  await returnJobs(engine, batch, next, reason, availableAt);
  const state = batch.state === 'packing' || batch.state === 'packed' ? 'abandoned' : 'failed';
  return engine.store.updateBatch(leaseOf(batch), { state, errorMessage: reason }, engine.clock.now());
}

/**
 * False, when a worker ended while it took the batch apart: some of its jobs are back in the queue already, and what is
 * left may not be sent, for the file holds them all.
 */
export async function isWhole(engine: Engine, batch: Batch): Promise<boolean> {
  if (batch.requests === 0) return true;
  const last = { afterJob: 0, limit: 1, openOnly: false, skip: batch.requests - 1 };
  return (await engine.store.readAttempts(batch.id, last)).length > 0;
}

export async function returnJobs(
  engine: Engine,
  batch: Batch,
  next: 'queued' | 'cancelled',
  reason: string,
  availableAt = 0,
): Promise<void> {
  for (;;) {
    const attempts = await engine.store.readAttempts(batch.id, { afterJob: 0, limit: chunkRows, openOnly: true });
    if (attempts.length === 0) return;
    const rows = attempts.map(
      (attempt): BookRow => ({
        ...attempt,
        outcome: 'returned',
        next,
        at: engine.clock.now(),
        availableAt,
        ...(next === 'cancelled' ? { errorCode: 'cancelled', errorMessage: reason } : {}),
      }),
    );
    await engine.store.book(rows, leaseOf(batch));
    await nextTurn();
  }
}
