import { expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import {
  endBatch,
  failed,
  fill,
  first,
  laneOf,
  leaseFor,
  leaseOf,
  mostPerRequest,
  moveThrough,
  newJobs,
  nonce,
  packBatch,
  realtimeLane,
  returned,
  room,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';

const hundred = mostPerRequest(100);
const usage = { inputTokens: 1, outputTokens: 1 };
const cost = (nano: number) => ({ usage, costNanoUsd: nano, realtimeNanoUsd: 2 * nano });

async function within(store: Store, runId: string): Promise<number> {
  const run = await runOf(store, runId);
  const taken = (run.costNanoUsd ?? 0) + run.reservedNanoUsd;
  expect(taken).toBeLessThanOrEqual(run.budgetNanoUsd ?? 0);
  expect(run.reservedNanoUsd).toBeGreaterThanOrEqual(0);
  return taken;
}

export function testBudget(context: StoreContext): void {
  test('what fits is packed, the rest waits and the run says so', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(5), { budgetNanoUsd: 250 });
    const sent = await sendBatch(store, lane, { bound: hundred });
    expect(sent.packed).toMatchObject({ packed: 2, overBudget: true });
    expect(await runOf(store, run.id)).toMatchObject({ isOverBudget: true, reservedNanoUsd: 200 });
    expect(await store.findLanes({ runId: run.id }, start)).toEqual([]);
    // The real cost is less than was held: one more fits.
    await store.book([succeeded(first(sent.attempts), cost(30))], sent.lease);
    expect(await runOf(store, run.id)).toMatchObject({ isOverBudget: false, reservedNanoUsd: 100, costNanoUsd: 30 });
    const more = await packBatch(store, await laneOf(store, run), { bound: hundred });
    expect(more.packed).toMatchObject({ packed: 1, overBudget: true });
    await within(store, run.id);
    await store.book([returned(first(more.attempts))], more.lease);
    await moveThrough(store, more.lease, ['abandoned']);
    await store.book(
      sent.attempts.slice(1).map((ref) => failed(ref)),
      sent.lease,
    );
    await endBatch(store, sent.lease);
    expect(await runOf(store, run.id)).toMatchObject({ isOverBudget: false, reservedNanoUsd: 0, costNanoUsd: 30 });
  });

  test('what nobody can bound is not sent; without a budget nothing is asked', async () => {
    const { store } = context;
    const bounded = await fill(store, newJobs(1), { budgetNanoUsd: 1e12 });
    const none = await packBatch(store, bounded.lane, {});
    expect(none.packed).toMatchObject({ packed: 0, overBudget: true });
    await moveThrough(store, none.lease, ['abandoned']);
    const free = await fill(store, newJobs(1, realtimeLane));
    expect(await store.claimJobs(free.lane, 5, leaseFor())).toHaveLength(1);
    expect((await runOf(store, free.run.id)).reservedNanoUsd).toBe(0);
  });

  test('a larger budget sends the rest, and takes back what the run said of the smaller one', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(3, realtimeLane), { budgetNanoUsd: 100 });
    const [one] = await store.claimJobs(lane, 5, leaseFor(), hundred);
    await store.book([succeeded(first(one ? [one] : []), cost(100))], undefined);
    expect(await store.claimJobs(lane, 5, leaseFor(), hundred)).toHaveLength(0);
    await store.updateRun(run.id, { note: 'the budget is used up' }, start);
    expect((await runOf(store, run.id)).isOverBudget).toBe(true);
    const after = await store.updateRun(run.id, { budgetNanoUsd: 300 }, start);
    expect(after).toMatchObject({ isOverBudget: false, budgetNanoUsd: 300 });
    expect(after.note).toBeUndefined();
    expect(await store.claimJobs(lane, 5, leaseFor(), hundred)).toHaveLength(2);
    await within(store, run.id);
  });

  test('a lost call, and one that may be charged, keep what they hold; a late answer gives it back once', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2, realtimeLane), { budgetNanoUsd: 1000 });
    const calls = await store.claimJobs(lane, 2, leaseFor('gone'), hundred);
    const [lost, timedOut] = calls;
    if (!lost || !timedOut) throw new Error('two calls were expected');
    await store.book([failed(timedOut, { next: 'retry', mayBeCharged: true })], undefined);
    await store.releaseOwner('gone', start);
    expect((await runOf(store, run.id)).reservedNanoUsd).toBe(200);
    await store.book([succeeded(lost, cost(40))], undefined);
    await store.book([succeeded(lost, cost(40))], undefined);
    expect(await runOf(store, run.id)).toMatchObject({ reservedNanoUsd: 100, costNanoUsd: 40 });
  });

  test('retries and followers: never exceeded, and nothing held at the end', async () => {
    const { store } = context;
    const twins = [...newJobs(4), ...newJobs(4).map((job) => ({ ...job, key: `twin-${job.key}` }))];
    const { run, lane } = await fill(store, twins, { budgetNanoUsd: 500, maxAttempts: 9 });
    for (let round = 0; round < 40; round++) {
      const left = (await store.findLanes({ runId: run.id }, start + 1e6)).length;
      if (left === 0) break;
      const sent = await sendBatch(store, lane, { bound: hundred, now: start + 1e6 });
      await within(store, run.id);
      const rows = sent.attempts.map((ref, i) =>
        round < 2 && i % 2 === 0 ? failed(ref, { next: 'retry', ...cost(20) }) : succeeded(ref, cost(70)),
      );
      await store.book(rows, sent.lease);
      await within(store, run.id);
      while ((await store.settleFollowers()) > 0);
      await endBatch(store, sent.lease);
    }
    const after = await runOf(store, run.id);
    expect(after).toMatchObject({ reservedNanoUsd: 0, counts: { succeeded: 8, queued: 0 }, reused: 4 });
  });

  test('fifty that pack and call at the same moment on several connections never exceed it', async () => {
    const { store } = context;
    const stores = [store, await context.second(), await context.second(), await context.second()];
    const jobs = [...newJobs(120), ...newJobs(120, realtimeLane, 'now')];
    const { run } = await fill(store, jobs, { budgetNanoUsd: 1_500 });
    const lanes = await store.findLanes({ runId: run.id }, start);
    const lane = (mode: string) => lanes.find((candidate) => candidate.mode === mode)?.id ?? 0;
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const own = stores[i % stores.length] ?? store;
        if (i % 2 === 0) {
          const calls = await own.claimJobs(lane('realtime'), 3, leaseFor(`caller-${i}`), hundred);
          await within(own, run.id);
          for (const call of calls) await own.book([succeeded(call, cost(100))], undefined);
        } else {
          const batch = await own.openBatch(lane('batch'), nonce(), leaseFor(`packer-${i}`));
          await own.packJobs(leaseOf(batch), room({ requests: 4, bound: hundred }));
          await within(own, run.id);
          const open = await own.readAttempts(batch.id, { afterJob: 0, limit: 10, openOnly: true });
          const rows = open.map((ref) => (i % 5 === 0 ? returned(ref) : succeeded(ref, cost(100))));
          await own.book(rows, leaseOf(batch));
          await moveThrough(own, leaseOf(batch), ['abandoned']);
        }
        await within(own, run.id);
      }),
    );
    expect(await within(store, run.id)).toBeGreaterThan(1_000);
    expect((await runOf(store, run.id)).reservedNanoUsd).toBe(0);
  });
}
