import { expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import {
  adding,
  batchLane,
  endBatch,
  everything,
  fill,
  first,
  leaseFor,
  leaseOf,
  moveThrough,
  newJob,
  newJobs,
  nonce,
  packBatch,
  realtimeLane,
  returned,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';

export function testLeases(context: StoreContext): void {
  async function release(store: Store, lease: { batchId: number; generation: number }, nextAt = start) {
    await store.updateBatch(lease, { nextAt }, start, 'release');
  }

  test('a leased batch is not claimed, a released one is, once it is due', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    const { lease } = await packBatch(store, lane);
    expect(await store.claimBatch(everything, leaseFor('worker-b'))).toBeUndefined();
    expect(await store.nextDue(everything)).toBeUndefined();
    await release(store, lease, start + 1000);
    expect(await store.claimBatch(everything, leaseFor('worker-b', start + 999))).toBeUndefined();
    expect(await store.nextDue(everything)).toBe(start + 1000);
    const claimed = await store.claimBatch(everything, leaseFor('worker-b', start + 1000));
    expect(claimed?.id).toBe(lease.batchId);
    expect(await store.claimBatch(everything, leaseFor('worker-c', start + 1000))).toBeUndefined();
  });

  test('due more than an hour ahead: the clock was set back since, and it is due now', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(2));
    const { lease, attempts } = await sendBatch(store, lane);
    const [early, late] = [start + 3_600_000, start + 2 * 86_400_000];
    const rows = attempts.map((ref, i) => returned(ref, { availableAt: [early, late][i] ?? 0 }));
    await store.book(rows.slice(0, 1), lease);
    expect(await store.findLanes(everything, start)).toMatchObject([{ readyAt: early }]);
    expect(await store.claimJobs(lane, 9, leaseFor())).toEqual([]);
    await store.book(rows.slice(1), lease);
    expect(await store.findLanes(everything, start)).toMatchObject([{ readyAt: start }]);
    expect(await store.claimJobs(lane, 9, leaseFor())).toMatchObject([{ key: 'item-2' }]);
    await release(store, lease, early);
    expect(await store.claimBatch(everything, leaseFor('worker-b'))).toBeUndefined();
    const claimed = await store.claimBatch(everything, leaseFor('worker-b', early));
    if (claimed) await release(store, leaseOf(claimed), late);
    expect((await store.claimBatch(everything, leaseFor('worker-b')))?.id).toBe(lease.batchId);
  });

  test('only in scope: of the accounts, and of the run when one is named', async () => {
    const { store } = context;
    const mine = await fill(store, newJobs(1));
    const other = await store.createRun({ ...mine.run, id: 'run-other', fingerprint: 'other' }, start);
    await store.addJobs(other.run.id, [newJob('x', '{}', { ...batchLane, account: 'fake:account-2' })], adding);
    const [theirs] = await store.findLanes({ accounts: ['fake:account-2'] }, start);
    for (const lane of [mine.lane, theirs?.id ?? 0]) {
      await release(store, leaseOf(await store.openBatch(lane, nonce(), leaseFor())));
    }
    expect(await store.claimBatch({ accounts: [] }, leaseFor())).toBeUndefined();
    expect(await store.nextDue({ accounts: ['fake:account-3'] })).toBeUndefined();
    expect(await store.claimBatch({ ...everything, runId: other.run.id }, leaseFor())).toBeUndefined();
    expect((await store.claimBatch(everything, leaseFor()))?.runId).toBe(mine.run.id);
    expect(await store.claimBatch(everything, leaseFor())).toBeUndefined();
    expect((await store.claimBatch({ accounts: ['fake:account-2'] }, leaseFor()))?.runId).toBe(other.run.id);
  });

  test('ended batches come before polling, polling before sending; equal ones by when they were due', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(5));
    const ids = new Map<string, number>();
    const ways = [
      ['packed', ['packed'], start - 9],
      ['polled late', ['packed', 'submitting', 'in_progress'], start - 1],
      ['polled early', ['packed', 'submitting', 'in_progress'], start - 5],
      ['ended', ['packed', 'submitting', 'in_progress', 'ended'], start],
      ['collecting', ['packed', 'submitting', 'in_progress', 'ended', 'collecting'], start],
    ] as const;
    for (const [name, states, nextAt] of ways) {
      const { batch, lease } = await packBatch(store, lane, { requests: 1 });
      await moveThrough(store, lease, states);
      await release(store, lease, nextAt);
      ids.set(name, batch.id);
    }
    const order = [];
    for (;;) {
      const claimed = await store.claimBatch(everything, leaseFor());
      if (!claimed) break;
      order.push([...ids].find(([, id]) => id === claimed.id)?.[0]);
    }
    expect(order).toEqual(['collecting', 'ended', 'polled early', 'polled late', 'packed']);
  });

  test('batches that are over are never claimed', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    await store.book(
      attempts.map((ref) => succeeded(ref)),
      lease,
    );
    await endBatch(store, lease);
    await release(store, lease);
    const empty = leaseOf(await store.openBatch(lane, nonce(), leaseFor()));
    await store.updateBatch(empty, { state: 'abandoned' }, start, 'release');
    expect(await store.claimBatch(everything, leaseFor())).toBeUndefined();
    expect(await store.nextDue(everything)).toBeUndefined();
  });

  test('a lease lapses after its time and not before; renewing moves that', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2));
    await packBatch(store, lane, { requests: 1 });
    await store.claimJobs(lane, 1, leaseFor());
    expect(await store.releaseLapsed(start + 29_999)).toBe(0);
    await store.renewLeases('worker-b', start + 500_000);
    await store.renewLeases('worker-a', start + 60_000);
    expect(await store.releaseLapsed(start + 59_999)).toBe(0);
    expect(await store.claimBatch(everything, leaseFor('worker-b', start + 59_999))).toBeUndefined();
    expect(await store.releaseLapsed(start + 60_001)).toBe(2);
    expect(await store.releaseLapsed(start + 60_001)).toBe(0);
    expect((await runOf(store, run.id)).counts).toMatchObject({ packed: 1, queued: 1, running: 0 });
    expect(await store.claimBatch(everything, leaseFor('worker-b', start + 60_002))).toBeDefined();
  });

  test('releasing an owner frees what it held and nothing else', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(4));
    await packBatch(store, lane, { requests: 1 }, 'worker-a');
    const kept = await packBatch(store, lane, { requests: 1 }, 'worker-b');
    await store.claimJobs(lane, 1, leaseFor('worker-a'));
    await store.claimJobs(lane, 1, leaseFor('worker-b'));
    expect(await store.listOwners()).toEqual(expect.arrayContaining(['worker-a', 'worker-b']));
    await store.releaseOwner('worker-a', start + 1);
    await store.releaseOwner('worker-nobody', start + 1);
    expect(await store.listOwners()).toContain('worker-b');
    expect(await store.listOwners()).not.toContain('worker-a');
    expect((await runOf(store, run.id)).counts).toMatchObject({ packed: 2, running: 1, queued: 1 });
    const claimed = await store.claimBatch(everything, leaseFor('worker-c'));
    expect(claimed?.id).not.toBe(kept.batch.id);
    expect(await store.claimBatch(everything, leaseFor('worker-c'))).toBeUndefined();
  });

  test('releasing a process frees what its workers held, and nothing of another one', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(4));
    await packBatch(store, lane, { requests: 1 }, 'worker-a#1');
    await packBatch(store, lane, { requests: 1 }, 'worker-a2#1');
    await store.claimJobs(lane, 1, leaseFor('worker-a#2'));
    await store.claimJobs(lane, 1, leaseFor('worker-a#b'));
    await store.releaseOwner('worker-a#2', start + 1);
    expect(await store.listOwners()).toEqual(expect.arrayContaining(['worker-a#1', 'worker-a2#1', 'worker-a#b']));
    await store.releaseOwner('worker-a', start + 1);
    const left = (await store.listOwners()).filter((owner) => owner.includes('#'));
    expect(left).toEqual(['worker-a#b', 'worker-a2#1']);
    expect((await runOf(store, run.id)).counts).toMatchObject({ packed: 2, running: 1, queued: 1 });
  });

  test('a realtime call that was lost counts as an attempt, once', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1, realtimeLane), { maxAttempts: 2 });
    await store.claimJobs(lane, 1, leaseFor('gone'));
    await store.releaseOwner('gone', start + 1);
    await store.releaseOwner('gone', start + 2);
    expect(await store.releaseLapsed(start + 90_000)).toBe(0);
    expect(first(await store.readResults(run.id, { limit: 1 }))).toMatchObject({ state: 'pending', attempts: 1 });
    expect(first(await store.claimJobs(lane, 1, leaseFor())).attempt).toBe(2);
  });

  test('claimed jobs carry what the call needs, by priority then arrival, at most as many as asked for', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(3, realtimeLane));
    expect(await store.claimJobs(lane, 2, leaseFor())).toEqual([
      { job: expect.any(Number), attempt: 1, key: 'item-1', endpoint: '/v1/now', body: '{"input":"item-1"}' },
      { job: expect.any(Number), attempt: 1, key: 'item-2', endpoint: '/v1/now', body: '{"input":"item-2"}' },
    ]);
    expect(await store.claimJobs(lane, 0, leaseFor())).toEqual([]);
    expect(await store.claimJobs(lane, 9, leaseFor())).toHaveLength(1);
    expect(await store.claimJobs(987_654, 9, leaseFor())).toEqual([]);
  });

  test('a given-back lease is nobody’s, and the owner is gone from the list', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    const { lease } = await packBatch(store, lane, {}, 'worker-z');
    expect(await store.listOwners()).toContain('worker-z');
    await release(store, lease);
    expect(await store.listOwners()).not.toContain('worker-z');
  });
}
