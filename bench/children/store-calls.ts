import { type BookRow, chunkRows } from '../../src/store-rows.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { textOf } from '../material.ts';
import { createCalls } from './calls.ts';
import { account, chunkOf, newRun } from './jobs.ts';

/** `store-calls.ts DATABASE JOBS BYTES`: every wide operation of the store over the life of one run. */
const [path = '', jobsText = '', bytesText = ''] = process.argv.slice(2);
const jobs = Number(jobsText);
const bytes = Number(bytesText);
const owner = { owner: 'bench', now: Date.now(), leaseMs: 600_000 };
const store = createSqliteStore({ path, owner: 'bench' });
const { run } = await store.createRun(newRun('run-bench'), owner.now);
const numbers: Record<string, number> = {};
const measure = async (name: string, work: (calls: ReturnType<typeof createCalls>) => Promise<void>) => {
  const calls = createCalls();
  await work(calls);
  for (const [field, value] of Object.entries(calls.numbers())) numbers[`${name}.${field}`] = value;
};

await measure('addJobs', async (calls) => {
  for (let first = 1; first <= jobs; first += chunkRows) {
    const chunk = chunkOf(first, Math.min(chunkRows, jobs - first + 1), bytes);
    const options = { now: owner.now, reuse: true, reopen: false };
    await calls.time(() => store.addJobs(run.id, chunk, options), chunk.length);
  }
});
await store.updateRun(run.id, { state: 'running' }, owner.now);

const [lane] = await store.findLanes({ accounts: [account] }, owner.now);
if (!lane) throw new Error('no lane has queued jobs');
const batch = await store.openBatch(lane.id, 'benchnonce', owner);
const lease = { batchId: batch.id, generation: batch.generation };

await measure('packJobs', async (calls) => {
  const room = { requests: 1e9, bytes: 1e12, maxBytes: 1e12, now: owner.now, lineOverhead: 73 };
  for (let packed = 1; packed > 0; ) {
    const result = await calls.time(
      () => store.packJobs(lease, room),
      (answer) => answer.packed,
    );
    packed = result.packed;
  }
});
await store.updateBatch(lease, { state: 'packed' }, owner.now);
await store.updateBatch(lease, { state: 'submitting' }, owner.now);
await store.updateBatch(lease, { state: 'in_progress', remoteId: 'batch_bench' }, owner.now);

await measure('readRequests', async (calls) => {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after;
    const requests = await calls.time(
      () => store.readRequests(batch.id, from, chunkRows),
      (rows) => rows.length,
    );
    after = requests.at(-1)?.job;
  }
});

await measure('startJobs', async (calls) => {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after;
    after = await calls.time(() => store.startJobs(lease, from), 5000);
  }
});

await measure('book', async (calls) => {
  for (let after = 0; ; ) {
    const attempts = await store.readAttempts(batch.id, { afterJob: after, limit: chunkRows, openOnly: true });
    if (attempts.length === 0) break;
    after = attempts.at(-1)?.job ?? after;
    const rows = attempts.map(
      ({ job, attempt }): BookRow => ({
        job,
        attempt,
        outcome: 'succeeded',
        next: 'succeeded',
        at: owner.now,
        output: textOf(job, bytes),
        finishReason: 'stop',
        usage: { inputTokens: 250, outputTokens: 250 },
        costNanoUsd: 1000,
        realtimeNanoUsd: 2000,
      }),
    );
    await calls.time(() => store.book(rows, lease), rows.length);
  }
});

await measure('readResults', async (calls) => {
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after;
    const rows = await calls.time(
      () => store.readResults(run.id, { after: from, limit: 200 }),
      (page) => page.length,
    );
    after = rows.at(-1)?.job;
  }
});
await store.close();
console.log(JSON.stringify(numbers));
