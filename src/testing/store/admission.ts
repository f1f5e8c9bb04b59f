import { expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import type { EnqueuedRoom, Lease } from '../../store-rows.ts';
import {
  adding,
  batchLane,
  endBatch,
  everything,
  leaseFor,
  leaseOf,
  moveThrough,
  newJobs,
  newRun,
  packBatch,
  returned,
  runOf,
  type StoreContext,
  start,
  succeeded,
} from './context.ts';

const account = batchLane.account;

/** A sealed batch of so many requests. */
async function sealed(store: Store, requests: number, lane = batchLane) {
  const filled = await fillOther(store, requests, lane);
  const made = await packBatch(store, filled);
  await moveThrough(store, made.lease, ['packed']);
  return made;
}

let made = 0;
async function fillOther(store: Store, requests: number, lane = batchLane): Promise<number> {
  made += 1;
  const { run } = await store.createRun(newRun(), start);
  await store.addJobs(run.id, newJobs(requests, lane, `batch-${made}`), adding);
  const [found] = await store.findLanes({ runId: run.id }, start);
  return found?.id ?? 0;
}

const byRequests = (limit: number, model?: string): EnqueuedRoom => ({
  unit: 'requests',
  account,
  limit,
  ...(model === undefined ? {} : { model }),
});

async function finish(store: Store, lease: Lease): Promise<void> {
  const open = await store.readAttempts(lease.batchId, { afterJob: 0, limit: 1000, openOnly: true });
  await store.book(
    open.map((ref) => succeeded(ref)),
    lease,
  );
  await endBatch(store, lease);
}

export function testAdmission(context: StoreContext): void {
  test('what is enqueued counts until it has ended, in requests or in tokens', async () => {
    const { store } = context;
    const [a, b] = [await sealed(store, 3), await sealed(store, 2)];
    expect((await store.admitBatch(a.lease, byRequests(4), start))?.state).toBe('submitting');
    expect(await store.admitBatch(b.lease, byRequests(4), start)).toBeUndefined();
    // In tokens there is room for both, and for nothing more.
    const tokens = a.packed.tokens + b.packed.tokens;
    const byTokens = (limit: number): EnqueuedRoom => ({ unit: 'tokens', account, limit });
    expect(await store.admitBatch(b.lease, byTokens(tokens - 1), start)).toBeUndefined();
    for (const state of ['unknown', 'in_progress'] as const) {
      await store.updateBatch(a.lease, { state }, start);
      expect(await store.admitBatch(b.lease, byRequests(4), start), state).toBeUndefined();
    }
    await store.updateBatch(a.lease, { state: 'ended' }, start);
    expect((await store.admitBatch(b.lease, byTokens(b.packed.tokens), start))?.submittedAt).toBe(start);
    await store.updateBatch(a.lease, { state: 'collecting' }, start);
    await store.book(
      a.attempts.map((ref) => succeeded(ref)),
      a.lease,
    );
    await store.updateBatch(a.lease, { state: 'collected' }, start);
    await store.updateBatch(b.lease, { state: 'in_progress' }, start);
    await finish(store, b.lease);
  });

  test('room for one model is not taken by another, unless the account is one room', async () => {
    const { store } = context;
    const a = await sealed(store, 3);
    const b = await sealed(store, 3, { ...batchLane, model: 'model-2' });
    await store.admitBatch(a.lease, byRequests(4, 'model-1'), start);
    expect(await store.admitBatch(b.lease, byRequests(4), start)).toBeUndefined();
    expect((await store.admitBatch(b.lease, byRequests(4, 'model-2'), start))?.state).toBe('submitting');
    for (const { lease } of [a, b]) {
      await store.updateBatch(lease, { state: 'in_progress' }, start);
      await finish(store, lease);
    }
  });

  test('two that admit at the same moment do not both take the last room', async () => {
    const { store } = context;
    const other = await context.second();
    for (let round = 0; round < 10; round++) {
      const [a, b] = [await sealed(store, 2), await sealed(store, 2)];
      const admitted = await Promise.all([
        store.admitBatch(a.lease, byRequests(3), start),
        other.admitBatch(b.lease, byRequests(3), start),
      ]);
      expect(admitted.filter((batch) => batch !== undefined)).toHaveLength(1);
      for (const [i, { lease, attempts }] of [a, b].entries()) {
        if (admitted[i]) {
          await store.updateBatch(lease, { state: 'in_progress' }, start);
          await finish(store, lease);
        } else {
          await store.book(
            attempts.map((ref) => returned(ref)),
            lease,
          );
          await moveThrough(store, lease, ['abandoned']);
        }
      }
      for (const run of await store.listRuns({ unfinished: true })) await store.cancelQueuedJobs(run.id);
    }
  });

  test('the end of one wakes those that wait, the oldest first', async () => {
    const { store } = context;
    const sent = await sealed(store, 1);
    const waiting = [await sealed(store, 1), await sealed(store, 1)];
    const asleep = { errorCode: 'no_room', nextAt: start + 60_000 };
    for (const { lease } of waiting) await store.updateBatch(lease, asleep, start, 'release');
    const busy = await sealed(store, 1);
    await store.updateBatch(busy.lease, { errorCode: 'unavailable', nextAt: start + 60_000 }, start, 'release');
    await moveThrough(store, sent.lease, ['submitting', 'in_progress']);
    expect(await store.claimBatch(everything, leaseFor())).toBeUndefined();
    await store.updateBatch(sent.lease, { state: 'ended' }, start);
    for (const { batch } of waiting) {
      expect((await store.claimBatch(everything, leaseFor()))?.id).toBe(batch.id);
    }
    expect(await store.claimBatch(everything, leaseFor())).toBeUndefined();
    await store.book(
      sent.attempts.map((ref) => succeeded(ref)),
      sent.lease,
    );
    await moveThrough(store, sent.lease, ['collecting', 'collected']);
  });

  test('a limit is learned for an account and a model, learned anew, and forgotten', async () => {
    const { store } = context;
    expect(await store.getLimit(account, '*')).toBeUndefined();
    await store.learnLimit(account, '*', 10.7, start);
    await store.learnLimit(account, 'model-1', 0, start + 1);
    expect(await store.getLimit(account, '*')).toEqual({ limit: 10, learnedAt: start });
    expect(await store.getLimit(account, 'model-1')).toEqual({ limit: 1, learnedAt: start + 1 });
    await store.learnLimit(account, '*', 5, start + 2);
    expect(await (await context.second()).getLimit(account, '*')).toEqual({ limit: 5, learnedAt: start + 2 });
    await store.learnLimit(account, '*', undefined, start + 3);
    expect(await store.getLimit(account, '*')).toBeUndefined();
    expect(await store.getLimit('fake:account-2', 'model-1')).toBeUndefined();
  });

  test('an account that rests is left alone as a whole, a batch that is packed meanwhile too; others go on', async () => {
    const { store } = context;
    const [refused, other] = [await sealed(store, 1), await sealed(store, 1)];
    const foreign = await sealed(store, 1, { ...batchLane, account: 'fake:account-2' });
    const until = start + 30_000;
    await store.restAccount(account, until);
    await store.updateBatch(refused.lease, { errorCode: 'rate_limited', nextAt: until }, start, 'release');
    await store.updateBatch(other.lease, {}, start, 'release');
    await store.updateBatch(foreign.lease, {}, start, 'release');
    const late = await store.openBatch(await fillOther(store, 1), 'restsabcde', leaseFor());
    expect(late.nextAt).toBe(until);
    await store.updateBatch(leaseOf(late), { state: 'abandoned' }, start);
    const scope = { accounts: [account, 'fake:account-2'] };
    expect((await store.claimBatch(scope, leaseFor()))?.id).toBe(foreign.batch.id);
    expect(await store.claimBatch(scope, leaseFor())).toBeUndefined();
    expect((await store.claimBatch(scope, leaseFor('worker-a', until)))?.id).toBe(refused.batch.id);
    expect((await runOf(store, other.batch.runId)).counts.packed).toBe(1);
  });
}
