import type { Store } from '../../src/store.ts';
import { type BookRow, chunkRows, type NewJob } from '../../src/store-rows.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { textOf } from '../material.ts';
import { createCalls } from './calls.ts';
import { account, chunkOf, newRun } from './jobs.ts';

/** `pack.ts DATABASE JOBS BODY_BYTES WAY`: claims the jobs of one run into one batch; the ways stand in `bench/pack.ts`. */
const [path = '', jobsText = '', bodyText = '', way = ''] = process.argv.slice(2);
const jobs = Number(jobsText);
const bodyBytes = Number(bodyText);
const now = Date.now();
const owner = { owner: 'bench', now, leaseMs: 600_000 };
const room = { requests: 1e9, bytes: 1e12, maxBytes: 1e12, now, lineOverhead: 73 };
const store = createSqliteStore({ path, owner: 'bench' });

const { run } = await store.createRun(
  { ...newRun('run-bench'), fresh: way === 'fresh', ...(way === 'budget' ? { budgetNanoUsd: 1e15 } : {}) },
  now,
);
for (let first = 1; first <= jobs; first += chunkRows) {
  const chunk = chunkOf(first, Math.min(chunkRows, jobs - first + 1), bodyBytes);
  await store.addJobs(run.id, way === 'repeated' ? chunk.map(repeated) : chunk, { now, reuse: false, reopen: false });
}
await store.updateRun(run.id, { state: 'running' }, now);
// After the jobs were added: else they would be answered there, and not be packed at all.
if (way === 'answered') await answerOthers(store, 10_000, () => false);
if (way === 'reused') await answerOthers(store, jobs, (position) => position % 2 === 0);

const [lane] = (await store.findLanes({ runId: run.id, accounts: [account] }, now)) ?? [];
const batch = await store.openBatch(lane?.id ?? 0, 'benchnonce', owner);
const lease = { batchId: batch.id, generation: batch.generation };
const withBudget = way === 'budget' ? { ...room, boundOf: () => 1_000_000 } : room;
const calls = createCalls();
let spared = 0;
for (let moved = 1; moved > 0; ) {
  const packed = await calls.time(
    () => store.packJobs(lease, withBudget),
    (answer) => answer.packed + answer.spared,
  );
  spared += packed.spared;
  moved = packed.packed + packed.spared;
}
await store.close();
const numbers = calls.numbers();
if (numbers.rows !== jobs) throw new Error(`${numbers.rows} of ${jobs} jobs were packed or spared`);
console.log(JSON.stringify({ ...numbers, spared }));

/** Every second job has the request of the one before it. */
function repeated(job: NewJob, index: number, chunk: readonly NewJob[]): NewJob {
  const before = index % 2 === 1 ? chunk[index - 1] : undefined;
  return before?.request ? { ...job, request: before.request } : job;
}

/** Another run that has ended: `same` positions had the request of our job of that position. */
async function answerOthers(store: Store, count: number, same: (position: number) => boolean): Promise<void> {
  const { run: other } = await store.createRun({ ...newRun('run-other'), priority: 6 }, now);
  for (let first = 1; first <= count; first += chunkRows) {
    const chunk = chunkOf(first, Math.min(chunkRows, count - first + 1), bodyBytes).map((job) =>
      job.request && !same(job.position) ? { ...job, request: { ...job.request, body: `${job.request.body} ` } } : job,
    );
    await store.addJobs(other.id, chunk, { now, reuse: false, reopen: false });
  }
  await store.updateRun(other.id, { state: 'running' }, now);
  const [lane] = await store.findLanes({ runId: other.id, accounts: [account] }, now);
  const batch = await store.openBatch(lane?.id ?? 0, 'othernonce', owner);
  const lease = { batchId: batch.id, generation: batch.generation };
  while ((await store.packJobs(lease, room)).packed > 0);
  for (const state of ['packed', 'submitting'] as const) await store.updateBatch(lease, { state }, now);
  await store.updateBatch(lease, { state: 'in_progress', remoteId: 'batch_other' }, now);
  for (let after: number | undefined = 0; after !== undefined; ) after = await store.startJobs(lease, after);
  for (const state of ['ended', 'collecting'] as const) await store.updateBatch(lease, { state }, now);
  for (let after = 0; ; ) {
    const attempts = await store.readAttempts(batch.id, { afterJob: after, limit: chunkRows, openOnly: true });
    if (attempts.length === 0) break;
    after = attempts.at(-1)?.job ?? after;
    const rows = attempts.map(
      (attempt): BookRow => ({
        ...attempt,
        outcome: 'succeeded',
        next: 'succeeded',
        at: now,
        output: textOf(attempt.job, bodyBytes),
        usage: { inputTokens: 250, outputTokens: 250 },
        costNanoUsd: 1000,
        realtimeNanoUsd: 2000,
      }),
    );
    await store.book(rows, lease);
  }
  await store.updateBatch(lease, { state: 'collected' }, now);
  await store.updateRun(other.id, { state: 'ended' }, now);
}
