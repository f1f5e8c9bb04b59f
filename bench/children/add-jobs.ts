import { chunkRows } from '../../src/store-rows.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { createCalls } from './calls.ts';
import { chunkOf, newRun } from './jobs.ts';

/** `add-jobs.ts DATABASE JOBS BODY_BYTES`: the store as the engine uses it, with everything it does for a job. */
const [path = '', jobs = '', bodyBytes = ''] = process.argv.slice(2);
const store = createSqliteStore({ path, owner: 'bench' });
const { run } = await store.createRun(newRun('run-bench'), Date.now());
const calls = createCalls();
for (let first = 1; first <= Number(jobs); first += chunkRows) {
  const chunk = chunkOf(first, Math.min(chunkRows, Number(jobs) - first + 1), Number(bodyBytes));
  const options = { now: Date.now(), reuse: true, reopen: false };
  await calls.time(
    () => store.addJobs(run.id, chunk, options),
    (added) => added.added,
  );
}
await store.close();
console.log(JSON.stringify(calls.numbers()));
