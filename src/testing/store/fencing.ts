import { expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import type { Lease } from '../../store-rows.ts';
import {
  everything,
  failed,
  fill,
  first,
  leaseFor,
  leaseOf,
  newJobs,
  nonce,
  packBatch,
  returned,
  room,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  statesOf,
  succeeded,
} from './context.ts';

/** Invariant I7: a worker that was replaced writes nothing, through any method that takes a lease. */
export function testFencing(context: StoreContext): void {
  /** The batch given back and claimed by somebody else; the old lease is stale. */
  async function takeOver(store: Store, stale: Lease): Promise<Lease> {
    await store.updateBatch(stale, { nextAt: start }, start, 'release');
    const taken = await store.claimBatch(everything, leaseFor('worker-b'));
    if (!taken) throw new Error('the batch could not be claimed');
    return leaseOf(taken);
  }

  async function sameBefore(store: Store, runId: string, work: () => Promise<unknown>): Promise<void> {
    const snapshot = async () => ({
      run: await runOf(store, runId),
      states: await statesOf(store, runId),
      results: await store.readResults(runId, { limit: 1000 }),
      batches: await store.listBatches(),
      owners: await store.listOwners(),
    });
    const before = await snapshot();
    await expect(work()).rejects.toMatchObject({ code: 'conflict' });
    expect(await snapshot()).toEqual(before);
  }

  test('packJobs', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(5));
    const { lease } = await packBatch(store, lane, { requests: 2 });
    const current = await takeOver(store, lease);
    await sameBefore(store, run.id, () => store.packJobs(lease, room()));
    expect((await store.packJobs(current, room())).packed).toBe(3);
  });

  test('updateBatch, with and without a change, with and without `release`', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease } = await packBatch(store, lane);
    const current = await takeOver(store, lease);
    await sameBefore(store, run.id, () => store.updateBatch(lease, { state: 'packed', remoteId: 'mine' }, start));
    await sameBefore(store, run.id, () => store.updateBatch(lease, {}, start));
    await sameBefore(store, run.id, () => store.updateBatch(lease, {}, start, 'release'));
    // A generation that nobody has had yet is no key either.
    const future = { ...current, generation: current.generation + 1 };
    await sameBefore(store, run.id, () => store.updateBatch(future, { state: 'packed' }, start));
    await sameBefore(store, run.id, () => store.updateBatch({ batchId: 987_654, generation: 1 }, {}, start));
    expect(await store.updateBatch(current, { state: 'packed' }, start)).toMatchObject({ state: 'packed' });
  });

  test('startJobs', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2));
    const { lease } = await packBatch(store, lane);
    const current = await takeOver(store, lease);
    await sameBefore(store, run.id, () => store.startJobs(lease, 0));
    await store.startJobs(current, 0);
    expect((await runOf(store, run.id)).counts.running).toBe(2);
  });

  test('book: not one of its rows', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(4));
    const { lease, attempts } = await sendBatch(store, lane);
    const current = await takeOver(store, lease);
    const [a, b, c, d] = attempts;
    if (!a || !b || !c || !d) throw new Error('expected four attempts');
    const usage = { inputTokens: 1, outputTokens: 1 };
    const rows = [succeeded(a, { usage, costNanoUsd: 1 }), failed(b), failed(c, { next: 'retry' }), returned(d)];
    await sameBefore(store, run.id, () => store.book(rows, lease));
    await sameBefore(store, run.id, () => store.book([], lease));
    expect(await store.book(rows, current)).toMatchObject({ succeeded: 1, failed: 1, retried: 2 });
  });

  test('quarantine', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease } = await packBatch(store, lane);
    await takeOver(store, lease);
    await sameBefore(store, run.id, () => store.quarantine(lease, [{ reason: 'malformed', line: '{' }]));
  });

  test('a batch whose lease has lapsed and was taken over knows its first worker no more', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease } = await packBatch(store, lane);
    expect(await store.releaseLapsed(start + 30_001)).toBe(1);
    // Nobody has it: the worker that merely was slow may still write.
    await store.updateBatch(lease, { tries: 1 }, start + 30_002);
    const taken = await store.claimBatch(everything, leaseFor('worker-b', start + 30_003));
    expect(taken?.id).toBe(lease.batchId);
    await sameBefore(store, run.id, () => store.updateBatch(lease, { tries: 2 }, start + 30_004));
  });

  test('every claim has a generation of its own', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    let lease = leaseOf(await store.openBatch(lane, nonce(), leaseFor()));
    const seen = [lease.generation];
    for (let round = 0; round < 5; round++) {
      lease = await takeOver(store, lease);
      seen.push(lease.generation);
    }
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    expect(first(await store.listBatches()).generation).toBe(seen.at(-1));
  });
}
