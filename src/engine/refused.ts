import type { Batch } from '../batch.ts';
import type { RemoteBatch } from '../provider.ts';
import { type BookRow, chunkRows } from '../store.ts';
import { backoffMs, type Engine, leaseOf } from './engine.ts';
import { returnJobs } from './pack.ts';

/** Provider codes that mean: no room now, the file is fine. (provider-contracts: OpenAI 1.7) */
const queueFull = 'token_limit_exceeded';

/**
 * The provider refused the whole batch; nothing ran. The rows it names fail with its words, the others go back to the
 * queue and lose no attempt. When the account's queue is full, the same file is submitted again later.
 */
export async function refused(engine: Engine, batch: Batch, remote: RemoteBatch): Promise<Batch> {
  const { store, clock } = engine;
  const lease = leaseOf(batch);
  const first = remote.errors[0] ?? {
    code: 'failed',
    message: `the provider says ${remote.rawStatus} without a reason`,
  };
  const run = await store.getRun(batch.runId);
  const kept = { errorCode: first.code, errorMessage: first.message, rawStatus: remote.rawStatus };
  if (first.code === queueFull && run?.state !== 'cancelling') {
    const tries = batch.tries + 1;
    const nextAt = clock.now() + Math.max(5_000, backoffMs(engine.retry, tries, engine.random));
    engine.emit({ type: 'note', message: `batch ${batch.id} waits: ${first.message}` });
    return store.updateBatch(lease, { state: 'packed', tries, nextAt, ...kept }, clock.now());
  }
  const blamed = await failNamedRows(engine, batch, remote);
  if (run?.state === 'cancelling') await returnJobs(engine, batch, 'cancelled', 'the run was cancelled');
  // No row is to blame (an unknown model, say): the next batch would be refused for the same reason.
  else if (blamed === 0) await failAll(engine, batch, first);
  else await returnJobs(engine, batch, 'queued', first.message);
  engine.emit({ type: 'note', message: `batch ${batch.id} was refused: ${first.message}` });
  return store.updateBatch(lease, { state: 'failed', ...kept }, clock.now());
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
  // A fault that every row shares is not the rows' own.
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
export async function failAll(engine: Engine, batch: Batch, reason: { code: string; message: string }): Promise<void> {
  let afterJob = 0;
  for (;;) {
    const attempts = await engine.store.readAttempts(batch.id, { afterJob, limit: chunkRows, openOnly: true });
    const last = attempts.at(-1);
    if (!last) return;
    const rows = attempts.map((attempt) => failedRow(engine, attempt, reason.code, reason.message));
    await engine.store.book(rows, leaseOf(batch));
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
