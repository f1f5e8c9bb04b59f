import { expect, test } from 'vitest';
import type { Provider } from '../provider.ts';
import type { SqliteStore } from '../stores/sqlite/sqlite-store.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { ownSide } from './own-side.ts';
import { openStore, storeFolder } from './queue-fixtures.ts';
import { endBatch, enqueueJobs, sendRun, start } from './sent-queue-fixtures.ts';
import { createUnservedDuty, listStranded, type UnservedOptions } from './unserved-accounts.ts';

const signal = new AbortController().signal;

/** A process that has these accounts. */
function createProcess(store: SqliteStore, owner: string, accounts: readonly string[], isSimulated = true) {
  let woken = 0;
  const options: UnservedOptions = {
    ...ownSide({ store, serviceStore: store.service, views: store.views }, isSimulated),
    providers: accounts.map((account) => ({ name: account.split(':')[0], account }) as Provider),
    owner,
    clock: createFakeClock(start),
    log: () => {},
    onWork: () => {
      woken += 1;
    },
  };
  const duty = createUnservedDuty(options);
  return { look: () => duty.run(signal), stranded: () => listStranded(options), woken: () => woken };
}

const lanesAt = (store: SqliteStore, account: string) => store.findLanes({ accounts: [account] }, start);

test('with a new key, what is held and what was let go is sent under it', async () => {
  const store = openStore(storeFolder());
  const { runId } = await enqueueJobs(store, 3);
  await store.service.release(runId, 1);
  const now = createProcess(store, 'now', ['openai:new', 'gemini:new']);
  await now.look();
  expect(now.woken()).toBe(1);
  expect(await lanesAt(store, 'openai:test')).toEqual([]);
  expect(await lanesAt(store, 'openai:new')).toHaveLength(1);
  await store.service.sealQueues([runId], start);
  expect(await lanesAt(store, 'openai:new')).toHaveLength(2);
  await now.look();
  expect(now.woken()).toBe(1);
});

test('what was sent under the old key stays there, what fails of it is sent under the new one', async () => {
  const store = openStore(storeFolder());
  const { runId } = await enqueueJobs(store, 2);
  const sent = await sendRun(store, runId, { requests: 1 });
  const now = createProcess(store, 'now', ['openai:new']);
  await now.look();
  const [batch] = await store.listBatches({ runId });
  expect(batch).toMatchObject({ id: sent.batchId, account: 'openai:test', state: 'in_progress' });
  expect(await lanesAt(store, 'openai:new')).toHaveLength(1);
  await endBatch(store, sent, { failed: 1 });
  await store.service.requeueJob(sent.attempts[0]?.job ?? 0);
  expect(await lanesAt(store, 'openai:test')).toHaveLength(1);
  await now.look();
  expect(await lanesAt(store, 'openai:test')).toEqual([]);
});

test('while another process has the account, its jobs wait for that one', async () => {
  const folder = storeFolder();
  const [store, other] = [openStore(folder), openStore(folder)];
  const { runId } = await enqueueJobs(store, 1);
  await store.service.sealQueues([runId], start);
  const theirs = createProcess(other, 'theirs', ['openai:test']);
  const ours = createProcess(store, 'ours', ['openai:new']);
  await theirs.look();
  await ours.look();
  expect(await lanesAt(store, 'openai:test')).toHaveLength(1);
  expect(await ours.stranded()).toEqual([]);
  await other.service.releaseDuties('theirs');
  await ours.look();
  expect(await lanesAt(store, 'openai:new')).toHaveLength(1);
});

test('the sandbox takes nothing that is real, nor the other way round', async () => {
  const store = openStore(storeFolder());
  const { runId } = await enqueueJobs(store, 1);
  await store.service.sealQueues([runId], start);
  const real = createProcess(store, 'real', ['openai:real'], false);
  await real.look();
  expect(await lanesAt(store, 'openai:test')).toHaveLength(1);
  expect(await real.stranded()).toEqual([]);
});

test('what no process can take over is named', async () => {
  const store = openStore(storeFolder());
  const { runId } = await enqueueJobs(store, 1);
  const others = createProcess(store, 'others', ['gemini:new']);
  await others.look();
  expect(await others.stranded()).toMatchObject([{ runId, account: 'openai:test', queue: 'creative_scoring' }]);
});
