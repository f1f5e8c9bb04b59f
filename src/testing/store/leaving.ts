import { expect, test } from 'vitest';
import {
  adding,
  batchLane,
  endBatch,
  failed,
  fill,
  first,
  laneOf,
  leaseFor,
  mostPerRequest,
  moveThrough,
  newRun,
  packBatch,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';
import { paid, same, settleAll, twoRuns, watched } from './same-requests.ts';

/** Leaders whose answer would not come, or too late: nobody waits for them. */
export function testLeaving(context: StoreContext): void {
  test('leaders of other runs that nobody works on are left, and follow in their turn', async () => {
    const { store } = context;
    const { one, two, sent, leader } = await twoRuns(store, { maxAttempts: 3 });
    await store.book([failed(leader, { next: 'retry' })], sent.lease);
    await endBatch(store, sent.lease);
    expect(await watched(store, two.run.id)).toEqual([]);
    await settleAll(store);
    const taken = await sendBatch(store, await laneOf(store, two.run));
    expect(taken.packed).toMatchObject({ packed: 1, spared: 1 });
    const back = await packBatch(store, await laneOf(store, one.run));
    expect(back.packed).toMatchObject({ packed: 0, spared: 1 });
    await moveThrough(store, back.lease, ['abandoned']);
    expect(await watched(store, one.run.id)).toEqual([taken.batch.id]);
    await store.book([succeeded(first(taken.attempts))], taken.lease);
    await settleAll(store);
    expect((await runOf(store, one.run.id)).counts.succeeded).toBe(1);
    expect((await runOf(store, two.run.id)).counts.succeeded).toBe(2);
    await endBatch(store, taken.lease);
  });

  test('a leader that was answered, looked at before its followers are settled, is found by the next who asks', async () => {
    const { store } = context;
    const { two, sent, leader } = await twoRuns(store);
    await store.book([succeeded(leader, { output: 'one', ...paid })], sent.lease);
    await endBatch(store, sent.lease);
    expect(await watched(store, two.run.id)).toEqual([]);
    await settleAll(store);
    expect(await runOf(store, two.run.id)).toMatchObject({ reused: 2, counts: { succeeded: 2 } });
    const three = (await store.createRun(newRun(), start)).run;
    expect(await store.addJobs(three.id, same(1), { ...adding, reuse: true })).toMatchObject({ reused: 1 });
  });

  test('a leader that waits for money is left; with money it leads on', async () => {
    const { store } = context;
    const { one, two, sent, leader } = await twoRuns(store, { budgetNanoUsd: 1e6 }, { bound: mostPerRequest(1) });
    expect(await store.leaveUnpaid(one.run.id, 0)).toBe(leader.job);
    expect(await store.leaveUnpaid(one.run.id, leader.job)).toBeUndefined();
    await store.book([failed(leader, { next: 'retry' })], sent.lease);
    await endBatch(store, sent.lease);
    // Queued, and nothing says that it will not be sent.
    await store.leaveUnpaid(one.run.id, 0);
    expect(await settleAll(store)).toBe(0);
    const none = await packBatch(store, one.lane, { bound: mostPerRequest(1e9) });
    expect(none.packed).toMatchObject({ packed: 0, overBudget: true });
    await moveThrough(store, none.lease, ['abandoned']);
    await store.leaveUnpaid(one.run.id, 0);
    await settleAll(store);
    const taken = await sendBatch(store, await laneOf(store, two.run));
    expect(taken.packed).toMatchObject({ packed: 1, spared: 1 });
    // Given its money, the former leader follows in its turn.
    await store.updateRun(one.run.id, { budgetNanoUsd: 1e10 }, start);
    const back = await packBatch(store, one.lane, { bound: mostPerRequest(1e9) });
    expect(back.packed).toMatchObject({ packed: 0, spared: 1 });
    await moveThrough(store, back.lease, ['abandoned']);
    await store.book([succeeded(first(taken.attempts))], taken.lease);
    await settleAll(store);
    expect((await runOf(store, one.run.id)).counts.succeeded).toBe(1);
    expect((await runOf(store, two.run.id)).counts.succeeded).toBe(2);
    await endBatch(store, taken.lease);
  });

  test('a realtime job follows no batch of another run, but a call; what is not in a batch yet follows it', async () => {
    const { store } = context;
    const now = { ...batchLane, mode: 'realtime' as const };
    const { sent, two } = await twoRuns(store);
    const quick = await fill(store, same(2, undefined, now));
    const calls = await store.claimJobs(quick.lane, 5, leaseFor());
    expect(calls).toHaveLength(1);
    const third = await fill(store, same(1, undefined, now));
    expect(await store.claimJobs(third.lane, 5, leaseFor())).toEqual([]);
    // Those that wait for the batch may leave it; in realtime they follow the call.
    expect(await store.leaveBatches(quick.run.id)).toBe(0);
    expect(await store.leaveBatches(two.run.id)).toBe(2);
    expect(await store.leaveBatches(two.run.id)).toBe(0);
    const lane = await laneOf(store, two.run);
    await store.updateLane(lane, { mode: 'realtime' });
    expect(await store.claimJobs(lane, 5, leaseFor())).toEqual([]);
    await store.book([succeeded(first(calls), { output: 'quick' })], undefined);
    await settleAll(store);
    for (const [run, jobs] of [[quick.run, 2] as const, [third.run, 1] as const, [two.run, 2] as const]) {
      expect((await runOf(store, run.id)).counts.succeeded).toBe(jobs);
    }
    await store.book(
      sent.attempts.map((ref) => succeeded(ref)),
      sent.lease,
    );
    await endBatch(store, sent.lease);
  });

  test('a leader that waits to be packed again follows the realtime job that goes ahead of it', async () => {
    const { store } = context;
    const { one, sent, leader } = await twoRuns(store, { maxAttempts: 2 });
    await store.book([failed(leader, { next: 'retry' })], sent.lease);
    await endBatch(store, sent.lease);
    const quick = await fill(store, same(1, undefined, { ...batchLane, mode: 'realtime' }));
    const call = first(await store.claimJobs(quick.lane, 5, leaseFor()));
    const back = await packBatch(store, one.lane);
    expect(back.packed).toMatchObject({ packed: 0, spared: 1 });
    await moveThrough(store, back.lease, ['abandoned']);
    await settleAll(store);
    await store.book([succeeded(call)], undefined);
    await settleAll(store);
    expect((await runOf(store, one.run.id)).counts.succeeded).toBe(1);
  });
}
