import { expect, test } from 'vitest';
import {
  endBatch,
  everything,
  fill,
  first,
  firstOwner,
  leaseFor,
  leaseOf,
  newJobs,
  packBatch,
  realtimeLane,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';

/** The process that held everything was killed; a new one opens the same data. */
export function testDurability(context: StoreContext): void {
  test('what was acknowledged is there', async () => {
    const { run, lane } = await fill(context.store, newJobs(5));
    const { lease, attempts } = await sendBatch(context.store, lane, { requests: 3 });
    const usage = { inputTokens: 3, outputTokens: 2 };
    await context.store.book(
      attempts.map((ref) => succeeded(ref, { usage, costNanoUsd: 4 })),
      lease,
    );
    await endBatch(context.store, lease);
    const before = { run: await runOf(context.store, run.id), batches: await context.store.listBatches() };
    const results = await context.store.readResults(run.id, { limit: 10 });
    const store = await context.reopen();
    expect({ run: await store.getRun(run.id), batches: await store.listBatches() }).toEqual(before);
    expect(await store.readResults(run.id, { limit: 10 })).toEqual(results);
    expect(await store.check()).toEqual([]);
  });

  test('the dead process holds no lease any more: its batch goes on at once, under a new generation', async () => {
    const { lane } = await fill(context.store, newJobs(2));
    const { batch, lease } = await packBatch(context.store, lane);
    const store = await context.reopen();
    expect(await store.listOwners()).not.toContain(firstOwner);
    const claimed = await store.claimBatch(everything, leaseFor('worker-new'));
    expect(claimed).toMatchObject({ id: batch.id, state: 'packing', requests: 2 });
    expect(claimed?.generation).toBeGreaterThan(batch.generation);
    // Should the dead one rise again, it writes nothing.
    await expect(context.store.updateBatch(lease, { state: 'packed' }, start)).rejects.toMatchObject({
      code: 'conflict',
    });
    if (claimed) await store.updateBatch(leaseOf(claimed), { state: 'packed' }, start);
  });

  test('its realtime calls are lost: the jobs are queued again and have lost an attempt', async () => {
    const { run, lane } = await fill(context.store, newJobs(3, realtimeLane));
    await context.store.claimJobs(lane, 2, leaseFor(firstOwner));
    const store = await context.reopen();
    expect((await runOf(store, run.id)).counts).toMatchObject({ queued: 3, running: 0 });
    expect((await store.readResults(run.id, { limit: 9 })).map((row) => row.attempts)).toEqual([1, 1, 0]);
  });

  test('a worker that is alive keeps what it holds', async () => {
    const { lane } = await fill(context.store, newJobs(2));
    const alive = await context.second();
    const held = await alive.openBatch(lane, 'alive23456', leaseFor('alive'));
    const store = await context.reopen();
    expect(await store.listOwners()).toContain('alive');
    expect(await store.claimBatch(everything, leaseFor('worker-new'))).toBeUndefined();
    expect(await alive.updateBatch(leaseOf(held), { tries: 1 }, start)).toMatchObject({ tries: 1 });
  });

  test('a store that was closed gives back what it held, and can be closed again', async () => {
    const { lane } = await fill(context.store, newJobs(2));
    const other = await context.second();
    const { attempts } = await packBatch(other, lane, {}, 'other');
    await context.store.releaseOwner('other', start);
    await other.close();
    await other.close();
    expect(attempts).toHaveLength(2);
    expect(first(await context.store.listBatches())).toMatchObject({ state: 'packing' });
    expect(await context.store.claimBatch(everything, leaseFor('worker-new'))).toBeDefined();
  });
}
