import { newNonce } from '../../src/ids.ts';
import type { QueuedJob } from '../../src/service-store.ts';
import { type BookRow, chunkRows, type Lease } from '../../src/store-rows.ts';
import { createSqliteStore, type SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { textOf } from '../material.ts';

/**
 * `make-service-store.ts DATABASE JOBS ACCOUNTS`: a service's store after some weeks: of the jobs of 20 runs seven tenths
 * succeeded in batches of 10,000, one in fifty of those failed, three tenths wait in their queues. `ACCOUNTS`: the
 * providers' accounts as JSON, by name.
 */
const [path = '', jobsText = '', accountsText = ''] = process.argv.slice(2);
const jobs = Number(jobsText);
const accounts = JSON.parse(accountsText) as Record<string, string>;
const providers = [
  { name: 'openai', model: 'gpt-5-mini', endpoint: '/v1/chat/completions' },
  { name: 'anthropic', model: 'claude-haiku-4-5', endpoint: '/v1/messages' },
  { name: 'gemini', model: 'gemini-2.5-flash', endpoint: '/v1beta/models/gemini-2.5-flash:generateContent' },
];
const queues = ['creative_scoring', 'hook_generation', 'bulk_prediction', 'historical_reprocessing'];
const dayMs = 86_400_000;
const runs = 20;
const startedAt = Date.now() - runs * dayMs;
const store = createSqliteStore({ path, owner: 'bench' });

let made = 0;
for (let run = 0; run < runs; run++) {
  const isLast = run >= runs - 6;
  const now = startedAt + run * dayMs;
  const count = Math.round(isLast ? (jobs * 0.3) / 6 : (jobs * 0.7) / (runs - 6));
  const provider = providers[run % providers.length] ?? providers[0];
  if (!provider) break;
  const runId = await fillQueue(store, queues[run % queues.length] ?? '', provider, count, now);
  if (!isLast) await sendAndCollect(store, runId, provider.name, now);
  made += count;
}
await store.close();
console.log(JSON.stringify({ jobs: made }));

async function fillQueue(
  { service }: SqliteStore,
  queue: string,
  { name, model, endpoint }: { name: string; model: string; endpoint: string },
  count: number,
  now: number,
): Promise<string> {
  const account = accounts[name] ?? 'bench-account';
  let runId = '';
  for (let first = 0; first < count; first += chunkRows) {
    const chunk = Array.from({ length: Math.min(chunkRows, count - first) }, (_, index): QueuedJob => {
      const body = JSON.stringify({
        model,
        messages: [{ role: 'user', content: `${now} ${first + index} ${textOf(index, 400)}` }],
      });
      return {
        queue,
        provider: name,
        account,
        simulated: true,
        model,
        priority: ((first + index) % 10) + 1,
        request: {
          lane: { provider: name, account, model, endpoint, mode: 'batch' },
          body,
          size: { inputTokens: Math.ceil(body.length / 4), maxInputTokens: body.length },
        },
        data: JSON.stringify({ creative_id: `c${first + index}` }),
      };
    });
    const [added] = await service.enqueue(chunk, now);
    if (added && added.type !== 'conflict') runId = added.runId;
  }
  return runId;
}

async function sendAndCollect(
  { service, ...engine }: SqliteStore,
  runId: string,
  provider: string,
  now: number,
): Promise<void> {
  await service.sealQueues([runId], now);
  const account = accounts[provider] ?? 'bench-account';
  const owner = { owner: 'bench', now, leaseMs: 600_000 };
  for (;;) {
    const [lane] = await engine.findLanes({ runId, accounts: [account] }, now);
    if (!lane) break;
    const batch = await engine.openBatch(lane.id, newNonce(Math.random), owner);
    const lease = { batchId: batch.id, generation: batch.generation };
    for (let left = 10_000; left > 0; ) {
      const room = { requests: left, bytes: 1e12, maxBytes: 1e12, now, lineOverhead: 73 };
      const { packed } = await engine.packJobs(lease, room);
      if (packed === 0) break;
      left -= packed;
    }
    await engine.updateBatch(lease, { state: 'packed' }, now);
    await engine.updateBatch(lease, { state: 'submitting', submittedAt: now }, now);
    await engine.updateBatch(lease, { state: 'in_progress', remoteId: `batch_${batch.id}` }, now);
    for (let after: number | undefined = 0; after !== undefined; ) after = await engine.startJobs(lease, after);
    await collectAll(engine, lease, now + 3_600_000);
  }
  await engine.updateRun(runId, { state: 'ended' }, now + 3_600_000);
}

async function collectAll(engine: Omit<SqliteStore, 'service'>, lease: Lease, now: number): Promise<void> {
  await engine.updateBatch(lease, { state: 'ended', endedAt: now }, now);
  await engine.updateBatch(lease, { state: 'collecting' }, now);
  for (let after = 0; ; ) {
    const attempts = await engine.readAttempts(lease.batchId, { afterJob: after, limit: chunkRows, openOnly: true });
    if (attempts.length === 0) break;
    after = attempts.at(-1)?.job ?? after;
    await engine.book(
      attempts.map((attempt) => rowOf(attempt, now)),
      lease,
    );
  }
  await engine.updateBatch(lease, { state: 'collected' }, now);
}

function rowOf(attempt: { job: number; attempt: number }, at: number): BookRow {
  const usage = { inputTokens: 120, outputTokens: 100 };
  const money = { usage, costNanoUsd: 115_000, realtimeNanoUsd: 230_000 };
  if (attempt.job % 50 === 0) {
    const why = { errorCode: 'content_filter', errorMessage: 'the provider refused to answer' };
    return { ...attempt, at, outcome: 'failed', next: 'failed', ...why, ...money };
  }
  return { ...attempt, at, outcome: 'succeeded', next: 'succeeded', output: textOf(attempt.job, 400), ...money };
}
