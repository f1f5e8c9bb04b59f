import { expect, test } from 'vitest';
import type { JobState } from '../../job.ts';
import type { BookRow } from '../../store-rows.ts';
import {
  endBatch,
  failed,
  fill,
  first,
  leaseFor,
  newJobs,
  returned,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';

const noRows = { succeeded: 0, retried: 0, failed: 0, cancelled: 0, duplicates: [], repeated: 0, unknown: [] };

/** Every outcome that can come with every decision, and the state in which it leaves a running job. */
const decisions: readonly [BookRow['outcome'], BookRow['next'], JobState, keyof typeof noRows][] = [
  ['succeeded', 'succeeded', 'succeeded', 'succeeded'],
  ['failed', 'failed', 'failed', 'failed'],
  ['failed', 'retry', 'queued', 'retried'],
  ['failed', 'queued', 'queued', 'retried'],
  ['failed', 'cancelled', 'cancelled', 'cancelled'],
  ['expired', 'failed', 'failed', 'failed'],
  ['expired', 'retry', 'queued', 'retried'],
  ['expired', 'cancelled', 'cancelled', 'cancelled'],
  ['cancelled', 'cancelled', 'cancelled', 'cancelled'],
  ['cancelled', 'retry', 'queued', 'retried'],
  ['lost', 'retry', 'queued', 'retried'],
  ['lost', 'failed', 'failed', 'failed'],
  ['returned', 'queued', 'queued', 'retried'],
  ['returned', 'cancelled', 'cancelled', 'cancelled'],
];

export function testBooking(context: StoreContext): void {
  test.each(decisions)('%s with %s leaves a job of a batch %s', async (outcome, next, state, counted) => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    const row: BookRow = { ...first(attempts), outcome, next, at: start + 1, errorCode: 'why', errorMessage: 'words' };
    expect(await store.book([row], lease)).toEqual({ ...noRows, [counted]: 1 });
    expect((await runOf(store, run.id)).counts).toMatchObject({ running: 0, [state]: 1 });
    await endBatch(store, lease);
    const result = first(await store.readResults(run.id, { limit: 1 }));
    expect(result.attempts).toBe(outcome === 'returned' ? 0 : 1);
    if (state === 'failed' || state === 'cancelled') {
      expect(result).toMatchObject({ state, errorCode: 'why', errorMessage: 'words' });
    }
  });

  test.each(decisions)('%s with %s leaves a realtime job %s', async (outcome, next, state) => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const claimed = await store.claimJobs(lane, 1, leaseFor());
    const { job, attempt } = first(claimed);
    await store.book([{ job, attempt, outcome, next, at: start + 1 }], undefined);
    expect((await runOf(store, run.id)).counts).toMatchObject({ running: 0, [state]: 1 });
    // The call has ended: nobody holds it any more.
    await store.releaseOwner('worker-a', start + 2);
    expect((await runOf(store, run.id)).counts).toMatchObject({ running: 0, [state]: 1 });
  });

  test('a result is kept to the character, with what it took', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    const usage = { inputTokens: 100, outputTokens: 20, cachedTokens: 30, reasoningTokens: 7 };
    const row = succeeded(first(attempts), {
      output: ' line\r\n"two" ',
      response: '{"a":1}',
      finishReason: 'length',
      usage,
      costNanoUsd: 1_234,
      realtimeNanoUsd: 2_468,
      at: start + 12_500,
    });
    await store.book([row], lease);
    await endBatch(store, lease);
    expect(first(await store.readResults(run.id, { limit: 1 }))).toEqual({
      key: 'item-1',
      job: row.job,
      state: 'succeeded',
      output: ' line\r\n"two" ',
      response: '{"a":1}',
      finishReason: 'length',
      attempts: 1,
      seconds: 12.5,
      inputTokens: 100,
      outputTokens: 20,
      cachedTokens: 30,
      costNanoUsd: 1_234,
      reused: false,
    });
    expect(await runOf(store, run.id)).toMatchObject({
      usage: { inputTokens: 100, outputTokens: 20 },
      costNanoUsd: 1_234,
      realtimeNanoUsd: 2_468,
    });
  });

  test('an empty answer is an answer', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    await store.book([succeeded(first(attempts), { output: '' })], lease);
    await endBatch(store, lease);
    expect(first(await store.readResults(run.id, { limit: 1 })).output).toBe('');
  });

  test('money of every attempt counts, also of failed ones; an unknown price makes the sum unknown', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const usage = { inputTokens: 10, outputTokens: 1 };
    for (const last of [false, true]) {
      const { lease, attempts } = await sendBatch(store, lane);
      const money = { usage, costNanoUsd: 7, realtimeNanoUsd: 14 };
      const row = last ? succeeded(first(attempts), money) : failed(first(attempts), { next: 'retry', ...money });
      await store.book([row], lease);
      await endBatch(store, lease);
    }
    expect(await runOf(store, run.id)).toMatchObject({
      usage: { inputTokens: 20, outputTokens: 2 },
      costNanoUsd: 14,
      realtimeNanoUsd: 28,
    });
    expect(first(await store.readResults(run.id, { limit: 1 }))).toMatchObject({ attempts: 2, costNanoUsd: 14 });

    const unpriced = await fill(store, newJobs(2, undefined, 'unpriced'));
    const { lease, attempts } = await sendBatch(store, unpriced.lane);
    const [a, b] = attempts;
    await store.book(a && b ? [succeeded(a, { usage }), succeeded(b, { usage, costNanoUsd: 3 })] : [], lease);
    await endBatch(store, lease);
    const after = await runOf(store, unpriced.run.id);
    expect(after.costNanoUsd).toBeUndefined();
    expect(after.realtimeNanoUsd).toBeUndefined();
    const rows = await store.readResults(unpriced.run.id, { limit: 2 });
    expect(rows.map((row) => row.costNanoUsd)).toEqual([undefined, 3]);
  });

  test('`retry` goes on until the attempts are used up, then the job has failed', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1), { maxAttempts: 3 });
    for (let attempt = 1; attempt <= 3; attempt++) {
      const { lease, attempts } = await sendBatch(store, lane);
      expect(first(attempts).attempt).toBe(attempt);
      const booked = await store.book([failed(first(attempts), { next: 'retry' })], lease);
      expect(booked).toMatchObject(attempt < 3 ? { retried: 1, failed: 0 } : { retried: 0, failed: 1 });
      await endBatch(store, lease);
    }
    expect((await runOf(store, run.id)).counts).toMatchObject({ failed: 1, queued: 0 });
    expect(first(await store.readResults(run.id, { limit: 1 }))).toMatchObject({
      attempts: 3,
      errorCode: 'server_error',
    });
  });

  test('`queued` goes back even when no attempt is left', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1), { maxAttempts: 1 });
    const { lease, attempts } = await sendBatch(store, lane);
    await store.book([failed(first(attempts), { next: 'queued' })], lease);
    await endBatch(store, lease);
    expect((await runOf(store, run.id)).counts.queued).toBe(1);
  });

  test('a row that comes twice is booked once, in one call or in two; the first success wins', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(3));
    const { lease, attempts } = await sendBatch(store, lane);
    const usage = { inputTokens: 10, outputTokens: 1 };
    const row = succeeded(first(attempts), { usage, costNanoUsd: 5, realtimeNanoUsd: 10, output: 'first' });
    const differing = { ...row, output: 'second' };
    expect(await store.book([row, differing], lease)).toEqual({ ...noRows, succeeded: 1, duplicates: [differing] });
    expect(await store.book([row], lease)).toEqual({ ...noRows, duplicates: [row] });
    const late = failed(first(attempts));
    expect(await store.book([late], lease)).toEqual({ ...noRows, duplicates: [late] });
    expect(first(await store.readResults(run.id, { limit: 1 })).output).toBe('first');
    expect(await runOf(store, run.id)).toMatchObject({ costNanoUsd: 5, usage: { inputTokens: 10 } });
  });

  test.each(['in one call', 'in two'])('an answer after a failure of the same request wins, %s', async (calls) => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    const failure = failed(first(attempts), { next: 'retry' });
    const usage = { inputTokens: 10, outputTokens: 1 };
    const answer = succeeded(first(attempts), { usage, costNanoUsd: 5, realtimeNanoUsd: 10, output: 'answer' });
    if (calls === 'in one call') await store.book([failure, answer], lease);
    else {
      await store.book([failure], lease);
      expect((await runOf(store, run.id)).counts.queued).toBe(1);
      await store.book([answer], lease);
    }
    expect(await store.book([failure], lease)).toEqual({ ...noRows, duplicates: [failure] });
    await endBatch(store, lease);
    expect(await runOf(store, run.id)).toMatchObject({
      counts: { succeeded: 1, queued: 0 },
      costNanoUsd: 5,
    });
    expect(first(await store.readResults(run.id, { limit: 1 }))).toMatchObject({ output: 'answer', attempts: 1 });
    expect(await store.check()).toEqual([]);
  });

  test('rows that were booked under an earlier lease are repeated, not duplicates', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    const row = succeeded(first(attempts));
    await store.book([row], lease);
    await store.updateBatch(lease, {}, start, 'release');
    const again = await store.claimBatch({ accounts: ['fake:account-1'] }, leaseFor('worker-b'));
    expect(again?.generation).toBeGreaterThan(lease.generation);
    const newLease = { batchId: lease.batchId, generation: again?.generation ?? 0 };
    expect(await store.book([row], newLease)).toEqual({ ...noRows, repeated: 1 });
    await endBatch(store, newLease);
  });

  test('rows of another batch, of no attempt, of no job are unknown and change nothing', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2));
    const one = await sendBatch(store, lane, { requests: 1 });
    const two = await sendBatch(store, lane);
    const strange = [
      succeeded(first(two.attempts)),
      succeeded({ ...first(one.attempts), attempt: 2 }),
      succeeded({ ...first(one.attempts), attempt: 0 }),
      succeeded({ job: 0, attempt: 1 }),
      succeeded({ job: -1, attempt: 1 }),
      succeeded({ job: Number.MAX_SAFE_INTEGER, attempt: 1 }),
    ];
    expect(await store.book(strange, one.lease)).toEqual({ ...noRows, unknown: strange });
    expect(await store.book([succeeded(first(one.attempts))], undefined)).toMatchObject({ succeeded: 0 });
    expect((await runOf(store, run.id)).counts).toMatchObject({ running: 2, succeeded: 0 });
    for (const { lease, attempts } of [one, two]) {
      await store.book(
        attempts.map((ref) => returned(ref)),
        lease,
      );
      await endBatch(store, lease);
    }
  });

  test('no rows', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    const { lease } = await sendBatch(store, lane);
    expect(await store.book([], lease)).toEqual(noRows);
    expect(await store.book([], undefined)).toEqual(noRows);
  });

  test('rows of several runs in one call reach their own sums', async () => {
    const { store } = context;
    const claims = [];
    for (const prefix of ['one', 'two']) {
      const { run, lane } = await fill(store, newJobs(1, undefined, prefix));
      claims.push({ run, claimed: first(await store.claimJobs(lane, 1, leaseFor())) });
    }
    const usage = { inputTokens: 1, outputTokens: 2 };
    await store.book(
      claims.map(({ claimed }, i) => succeeded(claimed, { usage, costNanoUsd: i + 1 })),
      undefined,
    );
    for (const [i, { run }] of claims.entries()) {
      expect(await runOf(store, run.id)).toMatchObject({ counts: { succeeded: 1 }, costNanoUsd: i + 1 });
    }
  });

  test('open attempts are told from booked ones', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(4));
    const { batch, lease, attempts } = await sendBatch(store, lane);
    await store.book([succeeded(first(attempts))], lease);
    const page = { afterJob: 0, limit: 10 };
    expect(await store.readAttempts(batch.id, { ...page, openOnly: true })).toEqual(attempts.slice(1));
    expect(await store.readAttempts(batch.id, { ...page, openOnly: false })).toEqual(attempts);
    const after = attempts[1]?.job ?? 0;
    expect(await store.readAttempts(batch.id, { afterJob: after, limit: 1, openOnly: true })).toEqual([attempts[2]]);
    expect(await store.readAttempts(batch.id, { ...page, untilJob: after, openOnly: true })).toEqual([attempts[1]]);
  });
}
