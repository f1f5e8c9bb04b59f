import { monitorEventLoopDelay } from 'node:perf_hooks';
import { keepHeapSmall } from '../../src/cli/heap.ts';
import { collect } from '../../src/engine/collect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { customId } from '../../src/ids.ts';
import { createPriceList } from '../../src/price-list.ts';
import type { Provider } from '../../src/provider.ts';
import { createAnthropicProvider } from '../../src/providers/anthropic/anthropic-provider.ts';
import { createGeminiProvider } from '../../src/providers/gemini/gemini-provider.ts';
import { createOpenAIProvider } from '../../src/providers/openai/openai-provider.ts';
import { createRecipe } from '../../src/recipes/recipes.ts';
import { chunkRows } from '../../src/store-rows.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open-sqlite-store.ts';
import { type VendorName, vendors } from '../vendors.ts';
import { chunkOf, newRun } from './jobs.ts';
import { startResultsProcess } from './results-process.ts';

/**
 * `collect.ts DATABASE VENDOR ROWS ANSWER_BYTES ORDER`: the engine's own step on the real adapter and the real store.
 */
const [path = '', vendorName = '', rowsText = '', bytesText = '', order = ''] = process.argv.slice(2);
const vendor = vendors[vendorName as VendorName];
const rows = Number(rowsText);
const nonce = 'benchnonce';
const remoteId = vendor.name === 'gemini' ? 'batches/batch_bench' : 'batch_bench';
const now = Date.now();
const owner = { owner: 'bench', now, leaseMs: 600_000 };

const store = await openSqliteStore({ path, owner: 'bench' });
const { run } = await store.createRun(newRun('run-bench'), now);
const server = await startResultsProcess([vendorName, rowsText, bytesText, order]);
const provider = createProvider(server.url);
const lane = {
  provider: vendor.name,
  account: provider.account,
  model: vendor.model,
  endpoint: vendor.endpoint,
  mode: 'batch' as const,
};
for (let first = 1; first <= rows; first += chunkRows) {
  const chunk = chunkOf(first, Math.min(chunkRows, rows - first + 1), 200).map((job) => ({
    ...job,
    ...(job.request ? { request: { ...job.request, lane } } : {}),
  }));
  await store.addJobs(run.id, chunk, { now, reuse: true, reopen: false });
}
await store.updateRun(run.id, { state: 'running' }, now);
const [first] = await store.findLanes({ accounts: [provider.account] }, now);
const opened = await store.openBatch(first?.id ?? 0, nonce, owner);
const lease = { batchId: opened.id, generation: opened.generation };
const room = { requests: 1e9, bytes: 1e12, maxBytes: 1e12, now, lineOverhead: 73 };
while ((await store.packJobs(lease, room)).packed > 0);
await store.updateBatch(lease, { state: 'packed' }, now);
await store.updateBatch(lease, { state: 'submitting' }, now);
await store.updateBatch(lease, { state: 'in_progress', remoteId }, now);
for (let after: number | undefined = 0; after !== undefined; ) after = await store.startJobs(lease, after);
const ended = await store.updateBatch(lease, { state: 'ended' }, now);

const [firstAttempt] = await store.readAttempts(opened.id, { afterJob: 0, limit: 1, openOnly: true });
const bytes = await server.prepare(customId(nonce, firstAttempt?.job ?? 0, 1));

const engine: Engine = {
  store,
  providers: new Map([[provider.account, provider]]),
  createRecipe,
  priceOf: (await createPriceList()).priceOf,
  clock: { now: Date.now, sleep: () => Promise.reject(new Error('nothing to wait for')) },
  random: Math.random,
  owner: 'bench',
  leaseMs: 600_000,
  crashpoint: () => {},
  emit: () => {},
  retry: { baseMs: 1000, maxMs: 60_000 },
  sequentialPauseMs: 500,
  maxUnavailable: 5,
};
// The vendor's client is loaded by now: whoever collects has submitted.
await provider.batch?.get(remoteId);
// As the command does.
keepHeapSmall();
const holds = monitorEventLoopDelay({ resolution: 1 });
holds.enable();
const cpu = process.cpuUsage();
const started = performance.now();
const collected = await collect(engine, ended, new AbortController().signal);
const ms = performance.now() - started;
const used = process.cpuUsage(cpu);
holds.disable();
const after = await store.getRun(run.id);
if (collected.state !== 'collected' || after?.counts.succeeded !== rows) {
  throw new Error(`${collected.state}, ${after?.counts.succeeded} of ${rows} rows`);
}
if (after.costNanoUsd === undefined || after.costNanoUsd === 0) throw new Error('the rows have no price');
await store.close();
await server.close();
console.log(
  JSON.stringify({
    perSecond: (rows / ms) * 1000,
    mbPerSecond: bytes / 1e3 / ms,
    cpuUs: (used.user + used.system) / rows,
    longestHoldMs: holds.max / 1e6,
  }),
);

function createProvider(url: string): Provider {
  const apiKey = 'sk-bench';
  if (vendor.name === 'anthropic') return createAnthropicProvider({ apiKey, baseUrl: url });
  if (vendor.name === 'gemini') return createGeminiProvider({ apiKey, baseUrl: url });
  return createOpenAIProvider({ apiKey, baseUrl: `${url}/v1` });
}
