import { expect, test } from 'vitest';
import { chunkRows, type NewJob } from '../../store-rows.ts';
import {
  adding,
  batchLane,
  endBatch,
  everything,
  failed,
  fill,
  first,
  newJob,
  newJobs,
  newRun,
  packBatch,
  realtimeLane,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';

const nothing = { added: 0, skipped: 0, reused: 0, reopened: 0, known: 0, changed: [], closed: false };
const skippedJob = (key: string): NewJob => ({
  key,
  position: 7,
  skip: { code: 'empty', message: 'the file is empty' },
});

export function testAdding(context: StoreContext): void {
  test('jobs are queued in order, skipped ones ended with their reason', async () => {
    const { store } = context;
    const { run } = await store.createRun(newRun(), start);
    const added = await store.addJobs(run.id, [newJob('b'), skippedJob('c'), newJob('a')], adding);
    expect(added).toEqual({ ...nothing, added: 2, skipped: 1 });
    expect((await runOf(store, run.id)).counts).toMatchObject({ queued: 2, skipped: 1 });
    const rows = await store.readResults(run.id, { limit: 10 });
    expect(rows.map((row) => [row.key, row.state])).toEqual([
      ['b', 'pending'],
      ['c', 'skipped'],
      ['a', 'pending'],
    ]);
    expect(rows[1]).toMatchObject({ errorCode: 'empty', errorMessage: 'the file is empty', attempts: 0, seconds: 0 });
    expect(await store.getJobKeys(rows.map((row) => row.job))).toEqual(new Map(rows.map((row) => [row.job, row.key])));
    expect(await store.getJobKeys([first(rows).job, 987_654_321])).toEqual(new Map([[first(rows).job, 'b']]));
  });

  test('the same keys again change nothing, in the same chunk, in another, and in another run they are new', async () => {
    const { store } = context;
    const { run } = await store.createRun(newRun(), start);
    expect(await store.addJobs(run.id, [newJob('a'), newJob('a')], adding)).toEqual({ ...nothing, added: 1, known: 1 });
    expect(await store.addJobs(run.id, [newJob('a'), newJob('b')], adding)).toEqual({ ...nothing, added: 1, known: 1 });
    const other = (await store.createRun(newRun(), start)).run;
    expect(await store.addJobs(other.id, [newJob('a')], adding)).toEqual({ ...nothing, added: 1 });
    expect((await runOf(store, run.id)).counts.queued).toBe(2);
  });

  test.each(['running', 'cancelling', 'ended'] as const)(
    'a run that is %s takes nothing, and says so',
    async (state) => {
      const { store } = context;
      const { run } = await store.createRun(newRun(), start);
      await store.addJobs(run.id, [skippedJob('a')], adding);
      if (state === 'ended') await store.updateRun(run.id, { state: 'running' }, start);
      await store.updateRun(run.id, { state }, start);
      const again = await store.addJobs(run.id, [newJob('a'), newJob('b')], { ...adding, reopen: true });
      expect(again).toEqual({ ...nothing, closed: true });
      expect((await runOf(store, run.id)).counts).toMatchObject({ queued: 0, skipped: 1 });
      // A cancel is not taken back by somebody who goes on reading.
      await store.updateRun(run.id, { state: 'open' }, start);
      const expected = state === 'cancelling' ? { ...nothing, closed: true } : { ...nothing, added: 1 };
      expect(await store.addJobs(run.id, [newJob('b')], adding)).toEqual(expected);
    },
  );

  test('no jobs, and a full chunk', async () => {
    const { store } = context;
    const { run } = await store.createRun(newRun(), start);
    expect(await store.addJobs(run.id, [], adding)).toEqual(nothing);
    expect(await store.addJobs(run.id, newJobs(chunkRows), adding)).toEqual({ ...nothing, added: chunkRows });
    expect(await store.addJobs(run.id, newJobs(chunkRows), adding)).toEqual({ ...nothing, known: chunkRows });
  });

  test('a key that is still queued takes the newest request; one that was sent keeps its own and is named', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, [newJob('sent'), newJob('queued')]);
    const { batch, attempts, lease } = await packBatch(store, lane, { requests: 1 });
    expect(attempts).toHaveLength(1);
    const again = [newJob('sent', '{"new":1}'), newJob('queued', '{"new":2}')];
    expect(await store.addJobs(run.id, again, adding)).toEqual({ ...nothing, known: 2, changed: ['sent'] });
    const next = await packBatch(store, lane);
    expect((await store.readRequests(batch.id, 0, 10)).map(({ body }) => body)).toEqual(['{"input":"sent"}']);
    expect((await store.readRequests(next.batch.id, 0, 10)).map(({ body }) => body)).toEqual(['{"new":2}']);
    for (const held of [lease, next.lease]) await store.updateBatch(held, { state: 'packed' }, start);
  });

  test('a skipped key stays skipped without `reopen`, and is tried with it once it has become readable', async () => {
    const { store } = context;
    const { run } = await store.createRun(newRun(), start);
    await store.addJobs(run.id, [skippedJob('a')], adding);
    expect(await store.addJobs(run.id, [newJob('a')], adding)).toMatchObject({ known: 1, reopened: 0 });
    expect(await store.addJobs(run.id, [skippedJob('a')], { ...adding, reopen: true })).toMatchObject({ known: 1 });
    expect(await store.addJobs(run.id, [newJob('a')], { ...adding, reopen: true })).toEqual({
      ...nothing,
      reopened: 1,
    });
    expect((await runOf(store, run.id)).counts).toMatchObject({ queued: 1, skipped: 0 });
    const row = first(await store.readResults(run.id, { limit: 1 }));
    expect(row).toMatchObject({ state: 'pending' });
    expect(row.errorCode).toBeUndefined();
  });

  test('a failed key is reopened with all its attempts ahead of it', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1), { maxAttempts: 1 });
    for (let round = 1; round <= 3; round++) {
      const { lease, attempts } = await sendBatch(store, lane);
      expect(attempts.map(({ attempt }) => attempt)).toEqual([round]);
      await store.book(
        attempts.map((ref) => failed(ref, { next: 'retry' })),
        lease,
      );
      await endBatch(store, lease);
      expect((await runOf(store, run.id)).counts.failed).toBe(1);
      const again = await store.addJobs(run.id, newJobs(1), { ...adding, reopen: true });
      expect(again).toEqual({ ...nothing, reopened: 1 });
    }
    expect((await runOf(store, run.id)).counts).toMatchObject({ failed: 0, queued: 1 });
  });

  test('a succeeded or cancelled key is never reopened', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    await store.book(
      attempts.map((ref) => succeeded(ref)),
      lease,
    );
    await endBatch(store, lease);
    await store.addJobs(run.id, [newJob('later')], adding);
    expect(await store.cancelQueuedJobs(run.id)).toBe(1);
    const again = [newJob('item-1', '{"other":true}'), newJob('later')];
    const outcome = await store.addJobs(run.id, again, { ...adding, reopen: true });
    expect(outcome).toEqual({ ...nothing, known: 2, changed: ['item-1'] });
    expect((await runOf(store, run.id)).counts).toMatchObject({ succeeded: 1, cancelled: 1 });
  });

  test('each account, model and endpoint of a run has its own lane, with the way that was set for it', async () => {
    const { store } = context;
    const { run } = await store.createRun(newRun({ priority: 3 }), start);
    const lanes = [
      batchLane,
      realtimeLane,
      { ...batchLane, model: 'model-2' },
      { ...batchLane, account: 'fake:account-2' },
    ];
    await store.addJobs(
      run.id,
      lanes.map((lane, i) => newJob(`item-${i}`, undefined, lane)),
      adding,
    );
    expect(await store.findLanes(everything, start)).toHaveLength(3);
    expect(await store.findLanes({ accounts: [] }, start)).toEqual([]);
    const found = await store.findLanes({ accounts: ['fake:account-1', 'fake:account-2'] }, start);
    const rest = { id: expect.any(Number), runId: run.id, readyAt: start, isPriming: false };
    expect(found).toEqual(lanes.map((lane) => ({ ...lane, ...rest })));
    const batching = first(found);
    await store.updateLane(batching.id, { mode: 'sequential' });
    await store.addJobs(run.id, [newJob('more')], adding);
    expect(first(await store.findLanes(everything, start))).toMatchObject({ id: batching.id, mode: 'sequential' });
  });

  test('lanes of runs with a higher priority come first; ended runs and empty lanes are left out', async () => {
    const { store } = context;
    const low = await fill(store, newJobs(1), { priority: 2 });
    const high = await fill(store, newJobs(1), { priority: 8 });
    expect((await store.findLanes(everything, start)).map(({ runId }) => runId)).toEqual([high.run.id, low.run.id]);
    await store.cancelQueuedJobs(high.run.id);
    expect((await store.findLanes(everything, start)).map(({ id }) => id)).toEqual([low.lane]);
    expect(await store.findLanes({ ...everything, runId: high.run.id }, start)).toEqual([]);
  });
}
