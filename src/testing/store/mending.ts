import { expect, test } from 'vitest';
import {
  adding,
  endBatch,
  failed,
  fill,
  first,
  idBytes,
  laneOf,
  leaseFor,
  leaseOf,
  mostPerInputToken,
  moveThrough,
  newJob,
  newJobs,
  newRun,
  nonce,
  packBatch,
  realtimeLane,
  returned,
  room,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  statesOf,
  succeeded,
} from './context.ts';

const body = '{"q":"1"}';
const correction = '{"q":"1","problem":"no JSON at all, ä"}';

/** Asking for a better answer, in place of the request, once. */
export function testMending(context: StoreContext): void {
  test('the next attempt sends the correction; a second bad answer is the end', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, [newJob('x', body)], { maxAttempts: 5 });
    const sent = await sendBatch(store, lane);
    const bad = { next: 'retry' as const, errorCode: 'invalid_output', correction };
    expect(await store.book([failed(first(sent.attempts), bad)], sent.lease)).toMatchObject({ retried: 1 });
    await endBatch(store, sent.lease);
    const again = await sendBatch(store, lane, {});
    expect(again.packed.bytes).toBe(Buffer.byteLength(correction) + idBytes(again.batch, first(again.attempts)));
    expect(await store.readRequests(again.batch.id, 0, 10)).toMatchObject([{ attempt: 2, body: correction }]);
    const booked = await store.book([failed(first(again.attempts), { ...bad, correction: '{}' })], again.lease);
    expect(booked).toMatchObject({ retried: 0, failed: 1 });
    await endBatch(store, again.lease);
    expect(first(await store.readResults(run.id, { limit: 1 }))).toMatchObject({ errorCode: 'invalid_output' });

    // A person asks again: with the job's own words, and its own size.
    expect(await store.requeueJobs(run.id, ['failed'])).toBe(1);
    const third = await packBatch(store, lane);
    expect(third.packed).toMatchObject({ bytes: sent.packed.bytes, tokens: sent.packed.tokens });
    expect(await store.readRequests(third.batch.id, 0, 10)).toMatchObject([{ body }]);
    await store.book([returned(first(third.attempts))], third.lease);
    await moveThrough(store, third.lease, ['abandoned']);
  });

  test('what bounds the cost grows with the correction, and shrinks again without it', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, [newJob('x', body, realtimeLane)], { budgetNanoUsd: 1e9, maxAttempts: 2 });
    const sizes: number[] = [];
    const claim = async () => {
      const call = first(await store.claimJobs(lane, 1, leaseFor(), mostPerInputToken));
      sizes.push((await runOf(store, run.id)).reservedNanoUsd);
      return call;
    };
    for (let attempt = 1; attempt <= 2; attempt++) {
      const call = await claim();
      expect(call.body).toBe(attempt === 1 ? body : correction);
      await store.book([failed(call, { next: 'retry', correction })], undefined);
    }
    await store.requeueJobs(run.id, ['failed']);
    expect((await claim()).body).toBe(body);
    const own = Buffer.byteLength(body);
    expect(sizes).toEqual([own, Buffer.byteLength(correction), own]);
  });

  test('a request with no place for a correction is tried again as it is', async () => {
    const { store } = context;
    const { lane } = await fill(store, [newJob('x', body, realtimeLane)], { maxAttempts: 3 });
    for (let attempt = 1; attempt <= 3; attempt++) {
      const call = first(await store.claimJobs(lane, 1, leaseFor()));
      expect(call).toMatchObject({ attempt, body });
      await store.book([failed(call, { next: 'retry', errorCode: 'invalid_output' })], undefined);
    }
    expect(await store.claimJobs(lane, 1, leaseFor())).toEqual([]);
  });
}

/** The batch that warms the provider's cache, and the jobs of a late batch. */
export function testPrimingAndHedging(context: StoreContext): void {
  test('the first batch of a lane is its primer; the lane says so until it has ended', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, [...newJobs(3), ...newJobs(1, realtimeLane, 'now')], { primeCache: true });
    const isPriming = async () =>
      (await store.findLanes({ runId: run.id }, start)).map((found) => [found.mode, found.isPriming]);
    const primer = await packBatch(store, lane, { requests: 1 });
    expect(primer.batch.isPrimer).toBe(true);
    for (const state of ['packed', 'submitting', 'unknown', 'in_progress'] as const) {
      await store.updateBatch(primer.lease, { state }, start);
      expect(await isPriming(), state).toEqual([
        ['batch', true],
        ['realtime', false],
      ]);
    }
    expect((await store.openBatch(lane, nonce(), leaseFor())).isPrimer).toBe(false);
    // The deadline's way out is not barred.
    await store.updateLane(lane, { mode: 'realtime' });
    expect((await isPriming()).map(([, priming]) => priming)).toEqual([false, false]);
    await store.updateLane(lane, { mode: 'batch' });
    await store.startJobs(primer.lease, 0);
    await store.updateBatch(primer.lease, { state: 'ended' }, start);
    expect((await isPriming())[0]).toEqual(['batch', false]);
    await store.book(
      primer.attempts.map((ref) => succeeded(ref)),
      primer.lease,
    );
    await moveThrough(store, primer.lease, ['collecting', 'collected']);
  });

  test.each(['abandoned', 'failed'] as const)(
    'a primer that was %s holds nobody back, and has no successor',
    async (end) => {
      const { store } = context;
      const { run, lane } = await fill(store, newJobs(2), { primeCache: true });
      const primer = await packBatch(store, lane, { requests: 1 });
      await store.book([returned(first(primer.attempts))], primer.lease);
      await moveThrough(store, primer.lease, end === 'failed' ? ['packed', 'failed'] : ['abandoned']);
      expect(await store.findLanes({ runId: run.id }, start)).toMatchObject([{ isPriming: false }]);
      const next = await store.openBatch(lane, nonce(), leaseFor());
      expect(next.isPrimer).toBe(false);
      await store.updateBatch(leaseOf(next), { state: 'abandoned' }, start);
    },
  );

  test('jobs of a late batch go back to the queue and are paid twice at most; the first success stays', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(4), { maxAttempts: 1 });
    const late = await sendBatch(store, lane);
    const [a, b, c, d] = late.attempts;
    if (!a || !b || !c || !d) throw new Error('four attempts were expected');
    const money = (costNanoUsd: number) => ({
      usage: { inputTokens: 1, outputTokens: 1 },
      costNanoUsd,
      realtimeNanoUsd: 2 * costNanoUsd,
    });
    await store.book([succeeded(a, money(1))], late.lease);
    expect(await store.hedgeJobs(late.lease, 0)).toBe(d.job);
    expect(await store.hedgeJobs(late.lease, d.job)).toBeUndefined();
    expect((await runOf(store, run.id)).counts).toMatchObject({ succeeded: 1, queued: 3 });
    await store.updateLane(lane, { mode: 'realtime' });
    const calls = await store.claimJobs(lane, 10, leaseFor());
    expect(calls.map(({ attempt }) => attempt)).toEqual([2, 2, 2]);
    // Once more, as after a crash: what is called already stays where it is.
    await store.hedgeJobs(late.lease, 0);
    expect((await runOf(store, run.id)).counts).toMatchObject({ running: 3, queued: 0 });

    // b: realtime first, the batch later. c: the batch first. d: the batch says cancelled, realtime succeeds.
    const call = (job: number) => first(calls.filter((candidate) => candidate.job === job));
    await store.book([succeeded(call(b.job), { output: 'realtime', ...money(10) })], undefined);
    await store.book(
      [
        succeeded(b, { output: 'batch', ...money(100) }),
        succeeded(c, { output: 'batch', ...money(1000) }),
        failed(d, { outcome: 'cancelled', next: 'queued' }),
      ],
      late.lease,
    );
    expect((await runOf(store, run.id)).counts).toMatchObject({ succeeded: 3, running: 1 });
    await store.book([succeeded(call(c.job), { output: 'realtime', ...money(10_000) })], undefined);
    await store.book([succeeded(call(d.job), { output: 'realtime', ...money(100_000) })], undefined);
    const rows = await store.readResults(run.id, { limit: 10 });
    expect(rows.map((row) => row.output)).toEqual([`answer to ${a.job}`, 'realtime', 'batch', 'realtime']);
    expect(await runOf(store, run.id)).toMatchObject({ costNanoUsd: 111_111, counts: { succeeded: 4 } });
    await endBatch(store, late.lease);
  });

  test('while a late batch may answer a failed job, its request does not change; the same one is reopened', async () => {
    const { store } = context;
    const old = newJob('x', '{"q":"old"}');
    const { run, lane } = await fill(store, [old], { maxAttempts: 1 });
    const late = await sendBatch(store, lane);
    await store.hedgeJobs(late.lease, 0);
    await store.updateLane(lane, { mode: 'realtime' });
    await store.book([failed(first(await store.claimJobs(lane, 1, leaseFor())))], undefined);
    const reopening = { ...adding, reopen: true };
    const changed = newJob('x', '{"q":"new"}');
    expect(await store.addJobs(run.id, [changed], reopening)).toMatchObject({ reopened: 0, known: 1, changed: ['x'] });
    expect(await store.addJobs(run.id, [old], reopening)).toMatchObject({ reopened: 1, changed: [] });
    await store.book([succeeded(first(late.attempts), { output: 'answer to old' })], late.lease);
    await endBatch(store, late.lease);
    expect(first(await store.readResults(run.id, { limit: 1 }))).toMatchObject({ output: 'answer to old' });
    const other = (await store.createRun(newRun(), start)).run;
    expect(await store.addJobs(other.id, [changed], { ...adding, reuse: true })).toMatchObject({ reused: 0 });
  });

  test('jobs of a batch of which nobody knows whether it exists go back as well', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const lost = await packBatch(store, lane);
    await moveThrough(store, lost.lease, ['packed', 'submitting', 'unknown']);
    await store.hedgeJobs(lost.lease, 0);
    expect((await runOf(store, run.id)).counts).toMatchObject({ queued: 1, packed: 0 });
    await store.updateLane(lane, { mode: 'realtime' });
    const call = first(await store.claimJobs(lane, 1, leaseFor()));
    // It was not there: taking it apart does not disturb the call that is under way.
    await store.book([returned(first(lost.attempts))], lost.lease);
    expect([...(await statesOf(store, run.id)).values()]).toEqual(['running']);
    await store.book([succeeded(call)], undefined);
    await moveThrough(store, lost.lease, ['packed', 'abandoned']);
    expect(room().requests).toBeGreaterThan(0);
    expect(await laneOf(store, run).catch(() => 'none')).toBe('none');
  });
}
