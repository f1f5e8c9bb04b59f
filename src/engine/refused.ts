import type { Batch } from '../batch.ts';
import { OffpeakError } from '../errors.ts';
import type { RemoteBatch } from '../provider.ts';
import { type BookRow, chunkRows } from '../store-rows.ts';
import { backoffMs, type Engine, isCancelling, leaseOf, nextTurn } from './engine.ts';
import { isWhole, returnJobs } from './pack.ts';
import { isAlone, learnRoom, roomOf } from './schedule.ts';

/** Tries with one uploaded file that the provider does not see, before it is uploaded again. */
export const triesPerFile = 3;

/**
 * The provider refused the whole batch; nothing ran. The rows it names fail with its words, the others go back to the
 * queue and lose no attempt. When the account's queue is full, the same file is submitted again later.
 */
export async function refused(engine: Engine, batch: Batch, remote: RemoteBatch): Promise<Batch> {
  const { store, clock } = engine;
  const reason = remote.errors[0] ?? { code: 'failed', message: `the provider gives no reason (${remote.rawStatus})` };
  const run = await store.getRun(batch.runId);
  const cancelling = isCancelling(run, batch);
  if (remote.refusal === 'no_room' && !cancelling) return sendSmaller(engine, batch, remote.limit, reason);
  if (remote.refusal === 'not_batched' && !cancelling && !batch.hedged)
    return notBatched(engine, batch, remote, reason);
  const canPass =
    remote.refusal === 'file_missing' || (remote.refusal === 'provider' && batch.refusals < breakdownsBorne);
  if (canPass && !cancelling) return submitLater(engine, batch, remote, reason);

  // Rows that went back are gone from the batch, and lines do not count up to the same rows any more: after a crash in
  // the middle the named ones have been booked already.
  const isRows = remote.refusal === 'rows' && !(await repeatsItself(engine, batch, reason));
  const blamed = !isRows ? 0 : (await isWhole(engine, batch)) ? await failNamedRows(engine, batch, remote) : 1;
  if (cancelling) await returnJobs(engine, batch, 'cancelled', 'the run was cancelled');
  // No row is to blame: the next batch would be refused for the same reason.
  // What went realtime for the deadline's sake ends there.
  else if (blamed === 0 && !batch.hedged) await failAll(engine, batch, reason);
  else await returnJobs(engine, batch, 'queued', reason.message);
  engine.emit({ type: 'note', message: `batch ${batch.id} was refused: ${reason.message}` });
  const kept = { errorCode: reason.code, errorMessage: reason.message, rawStatus: remote.rawStatus };
  return store.updateBatch(leaseOf(batch), { state: 'failed', ...kept }, clock.now());
}

const hopelessAfterMs = 24 * 3_600_000;
const roomPauseMs = 30_000;

export interface Reason {
  code: string;
  message: string;
}

/** Times that a provider may break down over the same batch before it is given up. */
const breakdownsBorne = 5;
/** Batches of a lane that end in the same words before these are taken to go for all its rows. */
const sameWords = 3;

/** A provider that names one row at a time would otherwise be asked once a row for a fault that all of them share. */
async function repeatsItself(engine: Engine, batch: Batch, reason: Reason): Promise<boolean> {
  const plain = (words: string | undefined) => words?.replace(/\d+/g, '#');
  const before = (await engine.store.listBatches({ runId: batch.runId, limit: 50 }))
    .filter((other) => other.laneId === batch.laneId && other.id < batch.id && other.state === 'failed')
    .slice(0, sameWords);
  return before.length === sameWords && before.every((other) => plain(other.errorMessage) === plain(reason.message));
}

/**
 * No room for it: what the account takes is learned. A batch that is larger than that goes back to the queue and is
 * packed anew; another waits, sealed, until one of ours has ended.
 */
export async function sendSmaller(
  engine: Engine,
  batch: Batch,
  named: number | undefined,
  reason: Reason,
): Promise<Batch> {
  const { store, clock } = engine;
  const kept = { errorCode: reason.code, errorMessage: reason.message };
  // Nothing is smaller than one request: when even that finds no room beside nothing of ours for a day, it never will,
  // unless the provider names more than it takes: then somebody else fills the account.
  const waitedMs = clock.now() - batch.createdAt;
  const isSmallest = batch.requests === 1 && (named ?? 0) < batch.tokens && reason.code !== 'rate_limited';
  const isHopeless = isSmallest && (named !== undefined ? batch.refusals > 0 : waitedMs > hopelessAfterMs);
  if (isHopeless && (await isAlone(engine, batch))) {
    await failAll(engine, batch, reason);
    engine.emit({ type: 'note', message: `batch ${batch.id} was refused: ${reason.message}` });
    return store.updateBatch(leaseOf(batch), { state: 'failed', ...kept }, clock.now());
  }
  await learnRoom(engine, batch, named);
  const room = await roomOf(engine, batch);
  const own = room?.unit === 'requests' ? batch.requests : batch.tokens;
  if (room && own > room.limit && batch.requests > 1) {
    const message = `batch ${batch.id} is too large for the account; its jobs are packed into smaller ones. ${reason.message}`;
    // A pause, or an account that is full of somebody else's work is asked once for every halving.
    await returnJobs(engine, batch, 'queued', reason.message, clock.now() + roomPauseMs);
    engine.emit({ type: 'note', message });
    const state = batch.state === 'packed' ? 'abandoned' : 'failed';
    return store.updateBatch(leaseOf(batch), { state, ...kept }, clock.now());
  }
  return submitLater(engine, batch, { rawStatus: batch.rawStatus ?? 'refused', refusal: 'no_room' }, reason);
}

/** Back to `packed`, with the same upload: the provider keeps it when it refuses the batch. */
function submitLater(
  engine: Engine,
  batch: Batch,
  remote: Pick<RemoteBatch, 'rawStatus' | 'refusal'>,
  reason: Reason,
): Promise<Batch> {
  const { store, clock, retry, random } = engine;
  const refusals = batch.refusals + 1;
  const uploadAgain = remote.refusal === 'file_missing' && refusals % triesPerFile === 0;
  engine.emit({ type: 'note', message: `batch ${batch.id} waits: ${reason.message}` });
  return store.updateBatch(
    leaseOf(batch),
    {
      state: 'packed',
      refusals,
      nextAt: clock.now() + backoffMs(retry, refusals, random),
      remoteId: null,
      rawStatus: remote.rawStatus,
      // The word that the end of another batch wakes.
      errorCode: remote.refusal === 'no_room' ? 'no_room' : reason.code,
      errorMessage: reason.message,
      ...(uploadAgain ? { inputFileId: null } : {}),
    },
    clock.now(),
  );
}

/** As if the create had said so: its jobs go realtime, or fail when the run wants a batch and nothing else. */
async function notBatched(engine: Engine, batch: Batch, { rawStatus }: RemoteBatch, reason: Reason): Promise<never> {
  const { store, clock } = engine;
  await store.updateBatch(leaseOf(batch), { state: 'packed', remoteId: null, rawStatus }, clock.now());
  throw new OffpeakError(reason.message, { code: 'batch_unavailable' });
}

async function failNamedRows(engine: Engine, batch: Batch, remote: RemoteBatch): Promise<number> {
  const rows: BookRow[] = [];
  const seen = new Set<number>();
  for (const { code, message, line } of remote.errors) {
    if (line === undefined || seen.has(line)) continue;
    seen.add(line);
    const request = await requestAtLine(engine, batch, line);
    if (request) rows.push(failedRow(engine, request, code, message));
  }
  if (rows.length === 0) return 0;
  await engine.store.book(rows, leaseOf(batch));
  return rows.length;
}

/** Requests are written in job order, one a line, from 1. */
async function requestAtLine(engine: Engine, batch: Batch, line: number) {
  const page = { afterJob: 0, limit: 1, openOnly: false, skip: line - 1 };
  return (await engine.store.readAttempts(batch.id, page))[0];
}

/** Ends every job of a batch with the reason; `mayBeCharged`, when it may have run all the same. */
export async function failAll(
  engine: Engine,
  batch: Batch,
  reason: Reason,
  more: Pick<BookRow, 'mayBeCharged'> = {},
): Promise<void> {
  let afterJob = 0;
  for (;;) {
    const attempts = await engine.store.readAttempts(batch.id, { afterJob, limit: chunkRows, openOnly: true });
    const last = attempts.at(-1);
    if (!last) return;
    const rows = attempts.map((attempt) => ({
      ...failedRow(engine, attempt, reason.code, reason.message),
      ...more,
      // For the deadline's sake its jobs are on their way in realtime: only the attempt ends.
      ...(batch.hedged ? { next: 'queued' as const } : {}),
    }));
    await engine.store.book(rows, leaseOf(batch));
    await nextTurn();
    afterJob = last.job;
  }
}

function failedRow(
  engine: Engine,
  ref: { job: number; attempt: number },
  errorCode: string,
  errorMessage: string,
): BookRow {
  return { ...ref, outcome: 'failed', next: 'failed', at: engine.clock.now(), errorCode, errorMessage };
}
