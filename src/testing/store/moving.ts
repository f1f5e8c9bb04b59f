import { expect, test } from 'vitest';
import {
  adding,
  batchLane,
  endBatch,
  fill,
  leaseFor,
  leaseOf,
  moveThrough,
  newJob,
  newJobs,
  packBatch,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';

/** A run whose unsent work goes to another account. */
export function testMoving(context: StoreContext): void {
  const from = batchLane.account;
  const to = 'fake:account-2';
  const there = { accounts: [to] };

  test('queued and packed work moves, and its upload is forgotten', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(3));
    const { batch, lease } = await packBatch(store, lane, { requests: 1 });
    await store.updateBatch(
      lease,
      { state: 'packed', inputFileId: 'file-1', sha256: 'f'.repeat(64) },
      start,
      'release',
    );
    expect(await store.moveAccount(run.id, from, to)).toBe(true);
    expect(await store.findLanes({ accounts: [from] }, start)).toEqual([]);
    expect(await store.findLanes(there, start)).toMatchObject([{ account: to, runId: run.id }]);
    const claimed = await store.claimBatch(there, leaseFor());
    expect(claimed).toMatchObject({ id: batch.id, account: to, state: 'packed', requests: 1 });
    expect(claimed?.inputFileId).toBeUndefined();
    expect(claimed?.sha256).toBeUndefined();
  });

  test('into the lane that is there already', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2));
    await store.addJobs(run.id, [newJob('there', undefined, { ...batchLane, account: to })], adding);
    const { batch, lease } = await packBatch(store, lane, { requests: 1 });
    await store.updateBatch(lease, { state: 'packed' }, start, 'release');
    expect(await store.moveAccount(run.id, from, to)).toBe(true);
    const [other, ...more] = await store.findLanes(there, start);
    expect(more).toEqual([]);
    expect((await packBatch(store, other?.id ?? 0)).packed).toMatchObject({ packed: 2 });
    expect(await store.claimBatch(there, leaseFor())).toMatchObject({ id: batch.id, account: to });
  });

  test('what the old account has, or may have, stays there until its end; the rest moves', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(3));
    const { batch, attempts } = await packBatch(store, lane, { requests: 1 });
    const lease = leaseOf(batch);
    await moveThrough(store, lease, ['packed']);
    const unsent = await packBatch(store, lane, { requests: 1 });
    await store.updateBatch(unsent.lease, { state: 'packed' }, start, 'release');
    for (const state of ['submitting', 'unknown', 'in_progress', 'ended', 'collecting'] as const) {
      await store.updateBatch(lease, { state }, start);
      expect(await store.moveAccount(run.id, from, to), state).toBe(false);
      expect(await store.findLanes({ accounts: [from] }, start)).toEqual([]);
      expect(await store.findLanes(there, start)).toHaveLength(1);
      const batches = await store.listBatches({ runId: run.id });
      expect(batches.find(({ id }) => id === batch.id)?.account).toBe(from);
      expect(batches.find(({ id }) => id === unsent.batch.id)).toMatchObject({ account: to, requests: 1 });
    }
    expect((await packBatch(store, (await store.findLanes(there, start))[0]?.id ?? 0)).packed).toMatchObject({
      packed: 1,
    });
    await store.startJobs(lease, 0);
    await store.book(
      attempts.map((ref) => succeeded(ref)),
      lease,
    );
    await store.updateBatch(lease, { state: 'collected' }, start);
    expect(await store.moveAccount(run.id, from, to)).toBe(true);
  });

  test('whoever is about to send a packed batch to the old account does not', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2));
    const { batch, lease } = await packBatch(store, lane, { requests: 1 });
    await moveThrough(store, lease, ['packed']);
    expect(await store.moveAccount(run.id, from, to)).toBe(true);
    await expect(store.updateBatch(lease, { state: 'submitting' }, start)).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await store.claimBatch(there, leaseFor())).toMatchObject({ id: batch.id, account: to, state: 'packed' });
  });

  test('only the named run moves', async () => {
    const { store } = context;
    const mine = await fill(store, newJobs(1));
    const other = await fill(store, newJobs(2));
    const sent = await sendBatch(store, other.lane, { requests: 1 });
    expect(await store.moveAccount(mine.run.id, from, to)).toBe(true);
    expect(await store.findLanes({ accounts: [from] }, start)).toMatchObject([{ runId: other.run.id }]);
    await store.book(
      sent.attempts.map((ref) => succeeded(ref)),
      sent.lease,
    );
    await endBatch(store, sent.lease);
  });
}
