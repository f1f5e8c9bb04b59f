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
  moveThrough,
  newJob,
  newRun,
  packBatch,
  realtimeLane,
  returned,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';
import { paid, same, settleAll, twoRuns, watched } from './same-requests.ts';

export function testSharing(context: StoreContext): void {
  test('of the same request in one chunk one is sent; the others take its answer for nothing', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, same(4));
    const { lease, packed, attempts } = await sendBatch(store, lane);
    expect(packed).toMatchObject({ packed: 1, spared: 3 });
    expect(await store.findLanes({ runId: run.id }, start)).toEqual([]);
    await store.book([succeeded(first(attempts), { output: 'one', finishReason: 'stop', ...paid })], lease);
    expect(await settleAll(store)).toBeGreaterThanOrEqual(3);
    const rows = await store.readResults(run.id, { limit: 10 });
    expect(rows.map((row) => [row.state, row.output, row.reused])).toEqual([
      ['succeeded', 'one', false],
      ['succeeded', 'one', true],
      ['succeeded', 'one', true],
      ['succeeded', 'one', true],
    ]);
    expect(await runOf(store, run.id)).toMatchObject({
      reused: 3,
      reusedNanoUsd: 2100,
      costNanoUsd: 700,
      counts: { succeeded: 4, queued: 0 },
    });
    await endBatch(store, lease);
    expect((await store.updateRun(run.id, { state: 'running' }, start)).state).toBe('running');
    expect((await store.updateRun(run.id, { state: 'ended' }, start)).state).toBe('ended');
  });

  test('in another run as well; that run can end', async () => {
    const { store } = context;
    const { two, sent, leader, spared } = await twoRuns(store);
    expect(spared).toBe(2);
    expect(await watched(store, two.run.id)).toEqual([sent.batch.id]);
    await store.book([succeeded(leader, paid)], sent.lease);
    await settleAll(store);
    expect(await runOf(store, two.run.id)).toMatchObject({
      counts: { succeeded: 2, queued: 0 },
      costNanoUsd: 0,
      reused: 2,
      reusedNanoUsd: 1400,
    });
    await store.updateRun(two.run.id, { state: 'running' }, start);
    expect((await store.updateRun(two.run.id, { state: 'ended' }, start)).state).toBe('ended');
    await endBatch(store, sent.lease);
  });

  test.each(['failed', 'cancelled'] as const)(
    'the leader has %s: one of the others leads, the rest follow it',
    async (next) => {
      const { store } = context;
      const { two, sent, leader } = await twoRuns(store);
      await store.book([failed(leader, { next })], sent.lease);
      await settleAll(store);
      await endBatch(store, sent.lease);
      expect((await runOf(store, two.run.id)).counts).toMatchObject({ queued: 2 });
      const again = await sendBatch(store, await laneOf(store, two.run));
      expect(again.packed).toMatchObject({ packed: 1, spared: 1 });
      await store.book([succeeded(first(again.attempts))], again.lease);
      await settleAll(store);
      expect((await runOf(store, two.run.id)).counts).toMatchObject({ succeeded: 2, queued: 0 });
      await endBatch(store, again.lease);
    },
  );

  test('the leader’s worker is gone with its last attempt: the others go their own way', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, same(2, undefined, realtimeLane), { maxAttempts: 1 });
    expect(await store.claimJobs(lane, 2, leaseFor('gone'))).toHaveLength(1);
    expect(await store.claimJobs(lane, 2, leaseFor('gone'))).toHaveLength(0);
    await store.releaseOwner('gone', start);
    await settleAll(store);
    expect((await runOf(store, run.id)).counts).toMatchObject({ failed: 1, queued: 1 });
    expect(await store.claimJobs(lane, 2, leaseFor())).toHaveLength(1);
  });

  test('a leader that is tried again, or was returned, leads on and follows nobody', async () => {
    const { store } = context;
    for (const row of [failed, returned]) {
      const body = `{"q":"${row.name}"}`;
      const { run, lane } = await fill(store, same(2, body));
      const sent = await sendBatch(store, lane);
      await store.book([row(first(sent.attempts), { next: row === failed ? 'retry' : 'queued' })], sent.lease);
      await endBatch(store, sent.lease);
      expect(await settleAll(store)).toBe(0);
      // A fresh run leads as well, but the first leader must not follow it while others follow the first.
      const fresh = await fill(store, same(2, body), { fresh: true });
      const freshly = await sendBatch(store, fresh.lane);
      expect(freshly.packed).toMatchObject({ packed: 2, spared: 0 });
      const again = await sendBatch(store, lane);
      expect(again.packed).toMatchObject({ packed: 1, spared: 0 });
      await store.book([succeeded(first(again.attempts))], again.lease);
      await store.book(
        freshly.attempts.map((ref) => succeeded(ref)),
        freshly.lease,
      );
      await settleAll(store);
      expect((await runOf(store, run.id)).counts).toMatchObject({ succeeded: 2 });
      await endBatch(store, again.lease);
      await endBatch(store, freshly.lease);
    }
  });

  test('a returned leader that takes another’s answer hands it on', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, same(2));
    const sent = await sendBatch(store, lane);
    await store.book([returned(first(sent.attempts))], sent.lease);
    await endBatch(store, sent.lease);
    const fresh = await fill(store, same(1), { fresh: true });
    const freshly = await sendBatch(store, fresh.lane);
    await store.book([succeeded(first(freshly.attempts))], freshly.lease);
    await endBatch(store, freshly.lease);
    const none = await packBatch(store, lane);
    expect(none.packed).toMatchObject({ packed: 0, spared: 1 });
    await settleAll(store);
    expect((await runOf(store, run.id)).counts).toMatchObject({ succeeded: 2 });
    await moveThrough(store, none.lease, ['abandoned']);
  });

  test('a fresh run sends all its own, and others follow it', async () => {
    const { store } = context;
    const fresh = await fill(store, same(3), { fresh: true });
    const sent = await sendBatch(store, fresh.lane);
    expect(sent.packed).toMatchObject({ packed: 3, spared: 0 });
    const other = await fill(store, same(1));
    const tried = await packBatch(store, other.lane);
    expect(tried.packed).toMatchObject({ packed: 0, spared: 1 });
    await moveThrough(store, tried.lease, ['abandoned']);
    await store.book(
      sent.attempts.map((ref) => succeeded(ref)),
      sent.lease,
    );
    await settleAll(store);
    expect((await runOf(store, other.run.id)).counts.succeeded).toBe(1);
    await endBatch(store, sent.lease);
  });

  test('nobody follows a request to another account or path, or one that differs in a byte', async () => {
    const { store } = context;
    const { sent } = await twoRuns(store);
    for (const job of [
      newJob('account', '{"q":"same"}', { ...batchLane, account: 'fake:account-2' }),
      newJob('endpoint', '{"q":"same"}', { ...batchLane, endpoint: '/v1/elsewhere' }),
      newJob('byte', '{"q":"same" }'),
    ]) {
      const { run } = await store.createRun(newRun(), start);
      await store.addJobs(run.id, [job], adding);
      const [lane] = await store.findLanes({ runId: run.id }, start);
      const packed = await packBatch(store, lane?.id ?? 0);
      expect(packed.packed, job.key).toMatchObject({ packed: 1, spared: 0 });
      await store.book(
        packed.attempts.map((ref) => returned(ref)),
        packed.lease,
      );
      await moveThrough(store, packed.lease, ['abandoned']);
    }
    await store.book(
      sent.attempts.map((ref) => succeeded(ref)),
      sent.lease,
    );
    await endBatch(store, sent.lease);
  });

  test('a cancelled follower waits for nothing; the leader’s cancelled run frees the others', async () => {
    const { store } = context;
    const { one, two, sent, leader } = await twoRuns(store);
    const three = await fill(store, same(1));
    const tried = await packBatch(store, three.lane);
    await moveThrough(store, tried.lease, ['abandoned']);
    expect(await store.cancelQueuedJobs(two.run.id)).toBe(2);
    expect(await store.cancelQueuedJobs(two.run.id)).toBe(0);
    expect((await runOf(store, two.run.id)).counts).toMatchObject({ cancelled: 2, queued: 0 });
    await store.book([failed(leader, { outcome: 'cancelled', next: 'cancelled' })], sent.lease);
    await settleAll(store);
    expect((await runOf(store, one.run.id)).counts.cancelled).toBe(1);
    expect((await runOf(store, two.run.id)).counts.cancelled).toBe(2);
    expect(await store.findLanes({ runId: three.run.id }, start)).toHaveLength(1);
    await endBatch(store, sent.lease);
  });

  test('a leader whose request has changed answers nobody else', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, same(2));
    const sent = await sendBatch(store, lane);
    await store.book([returned(first(sent.attempts))], sent.lease);
    await endBatch(store, sent.lease);
    await store.addJobs(run.id, [newJob('same-1', '{"q":"other"}')], adding);
    await settleAll(store);
    const again = await sendBatch(store, lane);
    expect(again.packed.packed).toBe(2);
    await store.book(
      again.attempts.map((ref) => succeeded(ref)),
      again.lease,
    );
    await endBatch(store, again.lease);
    const rows = await store.readResults(run.id, { limit: 10 });
    expect(rows.map((row) => row.reused)).toEqual([false, false]);
  });
}
