import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isOffpeakError } from '../../errors.ts';
import { queuedJobs } from '../../testing/service-store/context.ts';
import { adding, fill, mostPerRequest, newJobs, packBatch, runOf, start } from '../../testing/store/context.ts';
import { callThread } from './call-thread.ts';
import { openSqliteStore, type ThreadedSqliteStore } from './open-sqlite-store.ts';
import { createSqliteStore, type SqliteStore } from './sqlite-store.ts';

let folder = '';
let path = '';
const opened: SqliteStore[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'offpeak-thread-'));
  path = join(folder, 'offpeak.db');
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close().catch(() => {});
  rmSync(folder, { recursive: true, force: true });
});

async function open(owner = 'owner'): Promise<ThreadedSqliteStore> {
  const store = await openSqliteStore({ path, owner, busyTimeoutMs: 200 });
  opened.push(store);
  return store;
}

describe('a store in a thread of its own', () => {
  test('has every call of the ports', async () => {
    const { gone, ...store } = await open();
    const plain = createSqliteStore({ path: ':memory:' });
    const callsOf = (port: object) => Object.keys(port).sort();
    expect(gone).toBeInstanceOf(Promise);
    expect(callsOf(store)).toEqual(callsOf(plain));
    expect(callsOf(store.service)).toEqual(callsOf(plain.service));
    expect(callsOf(store.views)).toEqual(callsOf(plain.views));
    await plain.close();
  });

  test('takes and gives the same values: maps, absent ones, prices', async () => {
    const store = await open();
    const { run, lane } = await fill(store, newJobs(5), { budgetNanoUsd: 250 });
    const { packed, attempts } = await packBatch(store, lane, { bound: mostPerRequest(100) });
    expect(packed).toMatchObject({ packed: 2, overBudget: true });
    const keys = await store.getJobKeys(attempts.map(({ job }) => job));
    expect([...keys.values()]).toEqual(['item-1', 'item-2']);
    expect(await store.getRun('run-nobody-has')).toBeUndefined();
    expect((await runOf(store, run.id)).reservedNanoUsd).toBe(200);
    expect(await store.views.totals({ simulated: false })).toMatchObject({ packed: 2 });
    expect(await store.check()).toEqual([]);
  });

  test('calls that are asked for at once are done one after the other, in their order', async () => {
    const store = await open();
    const outcomes = await Promise.all(
      queuedJobs(40).map((job, i) => store.service.enqueue([{ ...job, data: `{"i":${i}}` }], start)),
    );
    const ids = outcomes.map(([outcome]) => (outcome?.type === 'queued' ? outcome.job : 0));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(40);
  });

  test('the event loop goes on while it waits for another process', async () => {
    const store = await open();
    const { run } = await fill(store, newJobs(1));
    const { DatabaseSync } = await import('node:sqlite');
    const other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    let turns = 0;
    const counting = setInterval(() => {
      turns += 1;
    }, 1);
    const added = store.addJobs(run.id, newJobs(2), adding);
    await expect(added).rejects.toMatchObject({ code: 'store_locked', retryable: true });
    await expect(added).rejects.toSatisfy((error) => isOffpeakError(error, 'store_locked'));
    clearInterval(counting);
    expect(turns).toBeGreaterThan(5);
    other.exec('ROLLBACK');
    other.close();
    expect(await store.addJobs(run.id, newJobs(2), adding)).toMatchObject({ added: 1 });
  });

  test('settings are decided on what is set: two that add at once both have their say', async () => {
    const [one, two] = [await open('one'), await open('two')];
    const add = (name: string) => (settings: ReadonlyMap<string, unknown>) =>
      new Map([['names', [...((settings.get('names') ?? []) as string[]), name]]]);
    await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name, i) =>
        (i % 2 === 0 ? one : two).service.changeSettings(add(name), start),
      ),
    );
    const names = (await one.service.getSettings()).get('names') as string[];
    expect([...names].sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    const refused = one.service.changeSettings(() => {
      throw new RangeError('not so');
    }, start);
    await expect(refused).rejects.toThrow(RangeError);
  });

  test('a file that is no store is refused on opening, with the place', async () => {
    writeFileSync(path, 'this is no database, and nobody should write into it');
    const refused = open();
    await expect(refused).rejects.toMatchObject({ code: 'store_corrupt', message: expect.stringContaining(path) });
    // Where the fault is, not where it came out of the thread.
    await expect(refused).rejects.toMatchObject({ cause: { stack: expect.stringContaining('/database.ts:') } });
  });

  test('closed, it has given back what it held, and says so to whoever calls', async () => {
    const store = await open('worker-a');
    const { lane } = await fill(store, newJobs(1));
    await packBatch(store, lane);
    await Promise.all([store.close(), store.close()]);
    await expect(store.getRun('x')).rejects.toMatchObject({ code: 'store_closed' });
    const next = await open('next');
    expect(await next.listOwners()).toEqual(['next']);
  });

  test('a process ends by itself while nothing is asked, and not before it has closed', () => {
    const module = new URL('./open-sqlite-store.ts', import.meta.url);
    const program = (last: string) => `
      const { openSqliteStore } = await import(${JSON.stringify(module)});
      const store = await openSqliteStore({ path: ${JSON.stringify(path)}, owner: 'me' });
      console.log(await store.listOwners());
      ${last}`;
    for (const last of ['', "await store.close(); console.log('closed');"]) {
      const ended = spawnSync(process.execPath, ['--input-type=module', '-e', program(last)], { encoding: 'utf8' });
      expect(ended).toMatchObject({ status: 0, stdout: last ? "[ 'me' ]\nclosed\n" : "[ 'me' ]\n", stderr: '' });
    }
  });
});

test('a thread that ends by itself leaves no call without an answer', async () => {
  const program = join(folder, 'ends.mjs');
  const opening = `{ type: 'opened', methods: { store: [], service: [], views: [], settings: [] } }`;
  writeFileSync(
    program,
    `import { parentPort } from 'node:worker_threads';
     parentPort.on('message', () => { throw new Error('out of order'); });
     parentPort.postMessage(${opening});`,
  );
  const thread = callThread(pathToFileURL(program), { path, owner: 'owner' });
  await thread.opened;
  const calls = [thread.call('store', 'getRun', ['a']), thread.call('store', 'getRun', ['b'])];
  for (const call of calls) {
    await expect(call).rejects.toMatchObject({
      code: 'store_closed',
      message: expect.stringContaining('out of order'),
    });
  }
  await expect(thread.gone).rejects.toMatchObject({ code: 'store_closed' });
  await expect(thread.close()).rejects.toMatchObject({ code: 'store_closed' });
  await expect(thread.call('store', 'getRun', ['c'])).rejects.toMatchObject({ code: 'store_closed' });
});
