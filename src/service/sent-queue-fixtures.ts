import type { BatchState } from '../batch.ts';
import type { Enqueued } from '../service-store.ts';
import type { BatchChange, BookRow, Lease } from '../store-rows.ts';
import type { SqliteStore } from '../stores/sqlite/sqlite-store.ts';
import { queuedJob } from './queue-fixtures.ts';

/** For tests: queues that were sent, in a real store, by the steps of the engine but without one. */

export const start = Date.UTC(2026, 10, 20, 12);
export const hour = 3_600_000;

type QueuedJobChange = NonNullable<Parameters<typeof queuedJob>[0]>;

/** Each body is another one: an answer that is there already would be taken. */
let bodies = 0;

export async function enqueueJobs(
  store: SqliteStore,
  count: number,
  options: { at?: number } & QueuedJobChange = {},
): Promise<{ runId: string; jobs: number[] }> {
  const { at = start, ...change } = options;
  const plain = queuedJob(change);
  const inputs = Array.from({ length: count }, () => {
    bodies += 1;
    return { ...plain, request: change.request ?? { ...plain.request, body: `{"input":${bodies}}` } };
  });
  const queued = await store.service.enqueue(inputs, at);
  const [first] = queued;
  return { runId: first === undefined || first.type === 'conflict' ? '' : first.runId, jobs: queued.map(jobOf) };
}

function jobOf(queued: Enqueued): number {
  if (queued.type === 'conflict') throw new Error('it was queued before');
  return queued.job;
}

export interface SentBatch {
  batchId: number;
  lease: Lease;
  attempts: { job: number; attempt: number }[];
}

let nonces = 0;

/** Seals a run's queue and hands its jobs to the provider in one batch, which is now `in_progress`. */
export async function sendRun(
  store: SqliteStore,
  runId: string,
  { at = start, requests = 1_000, change = {} }: { at?: number; requests?: number; change?: BatchChange } = {},
): Promise<SentBatch> {
  const run = await store.getRun(runId);
  if (run?.state === 'open') await store.service.sealQueues([runId], at);
  const [lane] = await store.findLanes({ runId, accounts: [`${run?.provider}:test`] }, at);
  if (!lane) throw new Error(`${runId} has no jobs to be sent`);
  nonces += 1;
  const owner = { owner: 'sender', now: at, leaseMs: 60_000 };
  const batch = await store.openBatch(lane.id, `nonce-${nonces}`, owner);
  const lease = { batchId: batch.id, generation: batch.generation };
  const room = { requests, bytes: 1e9, maxBytes: 1e9, now: at, lineOverhead: 0 };
  await store.packJobs(lease, room);
  await moveBatch(store, lease, ['packed'], at);
  await store.updateBatch(lease, { state: 'submitting', submittedAt: at }, at);
  const remote = { remoteId: `remote-${batch.id}`, rawStatus: 'in_progress' };
  await store.updateBatch(lease, { state: 'in_progress', ...remote, ...change }, at);
  let after: number | undefined = 0;
  while (after !== undefined) after = await store.startJobs(lease, after);
  return {
    batchId: batch.id,
    lease,
    attempts: await store.readAttempts(batch.id, { afterJob: 0, limit: 10_000, openOnly: false }),
  };
}

export async function moveBatch(
  store: SqliteStore,
  lease: Lease,
  states: readonly BatchState[],
  at: number,
): Promise<void> {
  for (const state of states) await store.updateBatch(lease, { state }, at);
}

export interface Ending {
  at?: number;
  /** The rest succeeds. */
  failed?: number;
  errorCode?: string;
  costNanoUsd?: number;
  realtimeNanoUsd?: number;
  unpriced?: boolean;
}

/** Collects a batch: its rows succeed at half the price, or fail, and the run ends with its jobs. */
export async function endBatch(store: SqliteStore, sent: SentBatch, ending: Ending = {}): Promise<void> {
  const { at = start + hour, failed = 0, costNanoUsd = 5_000_000, realtimeNanoUsd = 10_000_000 } = ending;
  await store.updateBatch(sent.lease, { state: 'ended', endedAt: at, rawStatus: 'completed' }, at);
  await moveBatch(store, sent.lease, ['collecting'], at);
  const money = {
    usage: { inputTokens: 100, outputTokens: 10, cachedTokens: 5 },
    ...(ending.unpriced ? {} : { costNanoUsd, realtimeNanoUsd }),
  };
  const rows = sent.attempts.map((ref, i): BookRow => {
    if (i >= failed) return { ...ref, at, outcome: 'succeeded', next: 'succeeded', output: `answer ${i}`, ...money };
    const errorCode = ending.errorCode ?? 'refused';
    return { ...ref, at, outcome: 'failed', next: 'failed', errorCode, errorMessage: `it was ${errorCode}` };
  });
  await store.book(rows, sent.lease);
  await moveBatch(store, sent.lease, ['collected'], at);
}

/** Queues jobs, sends them in one batch, and ends it and the run. */
export async function runQueue(
  store: SqliteStore,
  count: number,
  options: { at?: number; endAt?: number; ending?: Ending } & QueuedJobChange = {},
): Promise<{ runId: string; jobs: number[]; sent: SentBatch }> {
  const { at = start, endAt = at + hour, ending = {}, ...change } = options;
  const queued = await enqueueJobs(store, count, { at, ...change });
  const sent = await sendRun(store, queued.runId, { at });
  await endBatch(store, sent, { at: endAt, ...ending });
  await store.updateRun(queued.runId, { state: 'ended' }, endAt);
  return { ...queued, sent };
}
