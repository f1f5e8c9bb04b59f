import { spawn } from 'node:child_process';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { collect } from '../../src/engine/collect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { customId } from '../../src/ids.ts';
import { createOpenAIProvider } from '../../src/providers/openai/openai-provider.ts';
import { createRecipe } from '../../src/recipes/recipes.ts';
import { chunkRows } from '../../src/store.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { chunkOf, lane, newRun } from './jobs.ts';

/** `collect.ts DATABASE ROWS ANSWER_BYTES`: the engine's own step on the real adapter and the real store. */
const [path = '', rowsText = '', bytesText = ''] = process.argv.slice(2);
const rows = Number(rowsText);
const nonce = 'benchnonce';
const now = Date.now();
const owner = { owner: 'bench', now, leaseMs: 600_000 };

const store = createSqliteStore({ path, owner: 'bench' });
const { run } = await store.createRun(newRun('run-bench'), now);
const server = await startServer();
const provider = createOpenAIProvider({ baseUrl: `${server.url}/v1`, apiKey: 'sk-bench' });
for (let first = 1; first <= rows; first += chunkRows) {
  const chunk = chunkOf(first, Math.min(chunkRows, rows - first + 1), 200).map((job) => ({
    ...job,
    request: { lane: { ...lane, account: provider.account }, body: job.request?.body ?? '' },
  }));
  await store.addJobs(run.id, chunk, { now, reuse: true, reopen: false });
}
await store.updateRun(run.id, { state: 'running' }, now);
const [first] = await store.findLanes({ accounts: [provider.account] }, now);
const opened = await store.openBatch(first?.id ?? 0, nonce, owner);
const lease = { batchId: opened.id, generation: opened.generation };
const room = { requests: 1e9, bytes: 1e12, maxBytes: 1e12, now, lineBytes: (body: number) => body + 100 };
while ((await store.packJobs(lease, room)).packed > 0);
await store.updateBatch(lease, { state: 'packed' }, now);
await store.updateBatch(lease, { state: 'submitting' }, now);
await store.updateBatch(lease, { state: 'in_progress', remoteId: 'batch_bench' }, now);
for (let after: number | undefined = 0; after !== undefined; ) after = await store.startJobs(lease, after);
const ended = await store.updateBatch(lease, { state: 'ended' }, now);

const [firstAttempt] = await store.readAttempts(opened.id, { afterJob: 0, limit: 1, openOnly: true });
await server.prepare(customId(nonce, firstAttempt?.job ?? 0, 1));

const engine: Engine = {
  store,
  providers: new Map([[provider.account, provider]]),
  createRecipe,
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
const holds = monitorEventLoopDelay({ resolution: 1 });
holds.enable();
const started = performance.now();
const collected = await collect(engine, ended, new AbortController().signal);
const ms = performance.now() - started;
holds.disable();
const after = await store.getRun(run.id);
if (collected.state !== 'collected' || after?.counts.succeeded !== rows) {
  throw new Error(`${collected.state}, ${after?.counts.succeeded} of ${rows} rows`);
}
await store.close();
const bytes = server.bytes();
server.close();
console.log(
  JSON.stringify({ perSecond: (rows / ms) * 1000, mbPerSecond: bytes / 1e3 / ms, longestHoldMs: holds.max / 1e6 }),
);

/** The other process; told the first custom id, it makes the bytes and says how many. */
async function startServer() {
  const script = fileURLToPath(new URL('results-server.ts', import.meta.url));
  const child = spawn(process.execPath, [script, rowsText, bytesText], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let arrived = () => {};
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter((line) => line !== ''));
    arrived();
  });
  const next = async () => {
    for (;;) {
      const line = lines.shift();
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  const url = await next();
  let bytes = 0;
  return {
    url,
    bytes: () => bytes,
    async prepare(firstId: string) {
      child.stdin.write(`${firstId}\n`);
      bytes = Number(await next());
    },
    close: () => child.kill('SIGKILL'),
  };
}
