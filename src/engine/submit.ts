import type { Batch } from '../batch.ts';
import { type ErrorCode, hasCode, isOffpeakError, messageOf } from '../errors.ts';
import { customId } from '../ids.ts';
import type { BatchApi, RemoteBatch } from '../provider.ts';
import type { BatchChange } from '../store-rows.ts';
import { chunkRows } from '../store-rows.ts';
import { batchApiOf, type Engine, leaseOf, nextTurn } from './engine.ts';
import { refused } from './refused.ts';
import { admit, hasRoom, waitForRoom } from './schedule.ts';

/**
 * Sends a sealed batch: upload, save the file's id, save `submitting`, create once, save the batch's id. Creating is
 * idempotent at no provider, so whatever leaves the outcome open ends in `unknown`, and only reconcile goes on from there.
 * Where the provider knows no files, the create itself carries the requests.
 */
export async function submit(engine: Engine, packed: Batch, signal: AbortSignal): Promise<Batch> {
  const api = batchApiOf(engine, packed);
  // Before the upload: what has no room would be uploaded for nothing.
  if (!(await hasRoom(engine, packed))) return waitForRoom(engine, packed);
  if (api.upload && packed.inputFileId === undefined) await upload(engine, packed, api.upload, signal);
  engine.crashpoint('C8');
  const submitting = await admit(engine, packed);
  return submitting ? create(engine, submitting) : waitForRoom(engine, packed);
}

async function upload(
  engine: Engine,
  batch: Batch,
  send: NonNullable<BatchApi['upload']>,
  signal: AbortSignal,
): Promise<Batch> {
  const { fileId, sha256 } = await send({
    fileName: `offpeak-${batch.nonce}.jsonl`,
    endpoint: batch.endpoint,
    requests: () => requestsOf(engine, batch),
    bytes: batch.bytes,
    signal,
  });
  engine.crashpoint('C7');
  return engine.store.updateBatch(leaseOf(batch), { inputFileId: fileId, sha256, tries: 0 }, engine.clock.now());
}

/** The batch's requests, straight out of the store, a page at a time. */
async function* requestsOf(engine: Engine, batch: Batch): AsyncGenerator<{ customId: string; body: string }> {
  // A page is at most about 1 MiB, whatever the size of the requests.
  const meanBytes = batch.bytes / Math.max(batch.requests, 1);
  const page = Math.max(1, Math.min(chunkRows, Math.floor(1_048_576 / Math.max(meanBytes, 1))));
  let afterJob = 0;
  for (;;) {
    // A worker that was stopped in the middle for longer than its lease must not finish what another has begun anew.
    await engine.store.updateBatch(leaseOf(batch), {}, engine.clock.now());
    const requests = await engine.store.readRequests(batch.id, afterJob, page);
    for (const request of requests) {
      yield { customId: customId(batch.nonce, request.job, request.attempt), body: request.body };
    }
    const last = requests.at(-1);
    if (!last) return;
    afterJob = last.job;
    engine.crashpoint('C6');
  }
}

async function create(engine: Engine, batch: Batch): Promise<Batch> {
  const { store, clock } = engine;
  engine.crashpoint('C9');
  // A process that was stopped here for longer than its lease may have been replaced: only one that still holds it may
  // go on, and from the start.
  if (clock.now() - (batch.submittedAt ?? 0) > engine.leaseMs) {
    return store.updateBatch(leaseOf(batch), { state: 'packed' }, clock.now());
  }
  let remote: RemoteBatch;
  try {
    // A stop waits for the answer for a while: an interrupted create is the one thing that cannot be taken back.
    const signal = engine.breakOff ? { signal: engine.breakOff } : {};
    remote = await batchApiOf(engine, batch).create({
      endpoint: batch.endpoint,
      nonce: batch.nonce,
      requests: () => requestsOf(engine, batch),
      bytes: batch.bytes,
      ...(batch.inputFileId === undefined ? {} : { fileId: batch.inputFileId }),
      ...signal,
    });
  } catch (error) {
    await afterFailedCreate(engine, batch, error);
    throw error;
  }
  engine.crashpoint('C10');
  // A provider that reads the requests in the create itself may name the ones that are wrong: nothing was created.
  if (remote.phase === 'refused' && remote.remoteId === '') return refused(engine, batch, remote);
  const created = await store.updateBatch(leaseOf(batch), accepted(engine, batch, remote), clock.now());
  engine.crashpoint('C11');
  await startJobs(engine, created);
  return created;
}

/** Answers that prove that nothing was created. Whatever else happens leaves it open. */
const notCreated: readonly ErrorCode[] = [
  'auth',
  'quota',
  'rate_limited',
  'no_room',
  'unavailable',
  'batch_unavailable',
  'not_ready',
  'rejected',
  'aborted',
];

/** What breaks while our own rows are read (a locked store) breaks before the request is whole: nothing was created. */
function isOurs(error: unknown): boolean {
  return isOffpeakError(error) && (error.code.startsWith('store_') || error.code === 'internal');
}

async function afterFailedCreate(engine: Engine, batch: Batch, error: unknown): Promise<void> {
  await engine.store.updateBatch(
    leaseOf(batch),
    isOurs(error) || hasCode(error, ...notCreated)
      ? { state: 'packed', errorMessage: messageOf(error) }
      : { state: 'unknown', errorMessage: messageOf(error), absences: 0, absentSince: null },
    engine.clock.now(),
  );
}

/** What is kept of a batch that the provider has accepted, whether it said so or was found to have it. */
export function accepted(engine: Engine, batch: Batch, remote: RemoteBatch): BatchChange {
  return {
    state: 'in_progress',
    remoteId: remote.remoteId,
    rawStatus: remote.rawStatus,
    tries: 0,
    absences: 0,
    errorCode: null,
    errorMessage: null,
    nextAt: engine.clock.now() + batchApiOf(engine, batch).limits.pollMinMs,
    ...(remote.counts ? { counts: remote.counts } : {}),
    ...(remote.expiresAt === undefined ? {} : { expiresAt: remote.expiresAt }),
  };
}

export async function startJobs(engine: Engine, batch: Batch): Promise<void> {
  let afterJob: number | undefined = 0;
  while (afterJob !== undefined) {
    afterJob = await engine.store.startJobs(leaseOf(batch), afterJob);
    await nextTurn();
  }
}
