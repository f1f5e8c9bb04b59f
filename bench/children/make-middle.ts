import { createOpenAIProvider } from '../../src/providers/openai/openai-provider.ts';
import type { Store } from '../../src/store.ts';
import { type BookRow, chunkRows, type Lease } from '../../src/store-rows.ts';
import { processOwner } from '../../src/stores/process-owner.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { textOf } from '../material.ts';
import { chunkOf, lane, newRun } from './jobs.ts';

/**
 * `make-middle.ts DATABASE JOBS BODY_BYTES PROVIDER_URL SOURCE`: a run in the middle: of twenty parts, one is collected,
 * four are at the provider, half of one is packed under a lease of this process, the others are queued. Says `ready`, and
 * waits to be killed.
 */
const [path = '', jobsText = '', bytesText = '', url = '', source = ''] = process.argv.slice(2);
const jobs = Number(jobsText);
const now = Date.now();
const part = Math.floor(jobs / 20);
const name = processOwner();
const store = createSqliteStore({ path, owner: name });
const { account } = createOpenAIProvider({ baseUrl: `${url}/v1`, apiKey: 'sk-bench' });
const owner = { owner: name, now, leaseMs: 30_000 };
const { run } = await store.createRun(
  { ...newRun('run-bench'), source: { type: 'jsonl', path: source, model: lane.model } },
  now,
);
for (let first = 1; first <= jobs; first += chunkRows) {
  const chunk = chunkOf(first, Math.min(chunkRows, jobs - first + 1), Number(bytesText)).map((job) => ({
    ...job,
    ...(job.request ? { request: { ...job.request, lane: { ...lane, account } } } : {}),
  }));
  await store.addJobs(run.id, chunk, { now, reuse: true, reopen: false });
}
await store.updateRun(run.id, { state: 'running' }, now);
const [queue] = await store.findLanes({ accounts: [account] }, now);
const laneId = queue?.id ?? 0;

for (let number = 0; number < 5; number++) {
  const lease = await packPart(store, `bench${number}`, part);
  await store.updateBatch(lease, { state: 'packed' }, now);
  await store.updateBatch(lease, { state: 'submitting', inputFileId: `file-${number}` }, now);
  const submitted = { state: 'in_progress', remoteId: `batch_${number}`, submittedAt: now } as const;
  await store.updateBatch(lease, submitted, now);
  for (let after: number | undefined = 0; after !== undefined; ) after = await store.startJobs(lease, after);
  if (number === 0) await collectPart(store, lease);
  else await store.updateBatch(lease, { nextAt: 0 }, now, 'release');
}
await packPart(store, 'benchlast', Math.floor(part / 2));
console.log('ready');
setInterval(() => {}, 60_000);

async function packPart(store: Store, nonce: string, count: number): Promise<Lease> {
  const batch = await store.openBatch(laneId, nonce, owner);
  const lease = { batchId: batch.id, generation: batch.generation };
  for (let left = count; left > 0; ) {
    const room = { requests: left, bytes: 1e12, maxBytes: 1e12, now, lineOverhead: 73 };
    const { packed } = await store.packJobs(lease, room);
    if (packed === 0) throw new Error('there are no more jobs to pack');
    left -= packed;
  }
  return lease;
}

async function collectPart(store: Store, lease: Lease): Promise<void> {
  for (const state of ['ended', 'collecting'] as const) await store.updateBatch(lease, { state }, now);
  for (let after = 0; ; ) {
    const attempts = await store.readAttempts(lease.batchId, { afterJob: after, limit: chunkRows, openOnly: true });
    if (attempts.length === 0) break;
    after = attempts.at(-1)?.job ?? after;
    const rows = attempts.map(
      (attempt): BookRow => ({
        ...attempt,
        outcome: 'succeeded',
        next: 'succeeded',
        at: now,
        output: textOf(attempt.job, 1024),
        usage: { inputTokens: 250, outputTokens: 250 },
        costNanoUsd: 1000,
        realtimeNanoUsd: 2000,
      }),
    );
    await store.book(rows, lease);
  }
  await store.updateBatch(lease, { state: 'collected' }, now);
}
