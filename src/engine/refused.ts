import type { Batch } from '../batch.ts';
import type { RemoteBatch } from '../provider.ts';
import { type BookRow, chunkRows } from '../store.ts';
import { backoffMs, type Engine, leaseOf, nextTurn } from './engine.ts';
import { returnJobs } from './pack.ts';

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
  const cancelling = run?.state === 'cancelling';
  const hopeless = remote.refusal === 'no_room' && batch.refusals > 0 && (await isAlone(engine, batch));
  if (hopeless && batch.requests > 1 && !cancelling) return halve(engine, batch, reason);
  const canWait = (remote.refusal === 'no_room' && !hopeless) || remote.refusal === 'file_missing';
  if (canWait && !cancelling) return submitLater(engine, batch, remote, reason);

  // Rows that went back are gone from the batch, and lines do not count up to the same rows any more: after a crash in
  // the middle the named ones have been booked already.
  const isWhole = (await requestAtLine(engine, batch, batch.requests)) !== undefined;
  const blamed = remote.refusal !== 'rows' ? 0 : isWhole ? await failNamedRows(engine, batch, remote) : 1;
  if (cancelling) await returnJobs(engine, batch, 'cancelled', 'the run was cancelled');
  // No row is to blame: the next batch would be refused for the same reason.
  else if (blamed === 0) await failAll(engine, batch, reason);
  else await returnJobs(engine, batch, 'queued', reason.message);
  engine.emit({ type: 'note', message: `batch ${batch.id} was refused: ${reason.message}` });
  const kept = { errorCode: reason.code, errorMessage: reason.message, rawStatus: remote.rawStatus };
  return store.updateBatch(leaseOf(batch), { state: 'failed', ...kept }, clock.now());
}

interface Reason {
  code: string;
  message: string;
}

/** Nothing of ours takes room at the account for this model: waiting frees none. */
async function isAlone(engine: Engine, batch: Batch): Promise<boolean> {
  const open = await engine.store.listBatches({ openOnly: true });
  return !open.some(
    (other) =>
      other.id !== batch.id &&
      other.account === batch.account &&
      other.model === batch.model &&
      other.remoteId !== undefined,
  );
}

/** The batch is more than the account has room for at once: its jobs go back, and travel in batches of half the size. */
async function halve(engine: Engine, batch: Batch, reason: Reason): Promise<Batch> {
  const maxRequests = Math.ceil(batch.requests / 2);
  const message = `batch ${batch.id} is too large for the account; going on with ${maxRequests} requests a batch. ${reason.message}`;
  await engine.store.updateLane(batch.laneId, { maxRequests });
  await returnJobs(engine, batch, 'queued', reason.message);
  engine.emit({ type: 'note', message });
  return engine.store.updateBatch(
    leaseOf(batch),
    { state: 'failed', errorCode: reason.code, errorMessage: reason.message },
    engine.clock.now(),
  );
}

/** Back to `packed`, with the same upload: the provider keeps it when it refuses the batch. */
function submitLater(engine: Engine, batch: Batch, remote: RemoteBatch, reason: Reason): Promise<Batch> {
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
      errorCode: reason.code,
      errorMessage: reason.message,
      ...(uploadAgain ? { inputFileId: null } : {}),
    },
    clock.now(),
  );
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

/** Ends every job of a batch that surely never ran, with the reason. */
export async function failAll(engine: Engine, batch: Batch, reason: Reason): Promise<void> {
  let afterJob = 0;
  for (;;) {
    const attempts = await engine.store.readAttempts(batch.id, { afterJob, limit: chunkRows, openOnly: true });
    const last = attempts.at(-1);
    if (!last) return;
    const rows = attempts.map((attempt) => failedRow(engine, attempt, reason.code, reason.message));
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
