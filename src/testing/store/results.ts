import { expect, test } from 'vitest';
import { jobStates } from '../../job.ts';
import { chunkRows } from '../../store-rows.ts';
import {
  adding,
  batchLane,
  endBatch,
  failed,
  fill,
  first,
  moveThrough,
  newJob,
  newJobs,
  packBatch,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  statesOf,
  succeeded,
} from './context.ts';

export function testResults(context: StoreContext): void {
  /** A job in each state that a job can be in. */
  async function oneOfEach() {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(6));
    const sent = await sendBatch(store, lane, { requests: 3 });
    const [a, b] = sent.attempts;
    if (a && b) await store.book([succeeded(a), failed(b)], sent.lease);
    await store.cancelQueuedJobs(run.id);
    await store.addJobs(run.id, [{ key: 'none', position: 9, skip: { code: 'missing', message: 'no' } }], adding);
    await store.addJobs(run.id, newJobs(1, batchLane, 'packed'), adding);
    await packBatch(store, lane);
    await store.addJobs(run.id, newJobs(1, batchLane, 'queued'), adding);
    return { store, run };
  }

  test('each state can be read alone and together with others', async () => {
    const { store, run } = await oneOfEach();
    const byState = await statesOf(store, run.id);
    expect(new Set(byState.values())).toEqual(new Set(jobStates));
    const ended = await store.readResults(run.id, { limit: 100, states: ['failed', 'skipped'] });
    expect(ended.map((row) => row.state)).toEqual(['failed', 'skipped']);
    const all = await store.readResults(run.id, { limit: 100 });
    expect(all).toHaveLength(byState.size);
    expect(await store.readResults(run.id, { limit: 100, states: [...jobStates] })).toEqual(all);
    for (const row of all) {
      const state = byState.get(row.job) ?? 'queued';
      expect(row.state).toBe(['queued', 'packed', 'running'].includes(state) ? 'pending' : state);
    }
    expect(await store.readResults(run.id, { limit: 100, states: [] })).toEqual([]);
  });

  test('pages give every row once, in input order, whatever their size', async () => {
    const { store, run } = await oneOfEach();
    const whole = await store.readResults(run.id, { limit: 1000 });
    expect(whole.map((row) => row.job)).toEqual(whole.map((row) => row.job).sort((a, b) => a - b));
    for (const limit of [1, 2, 3, 100]) {
      const paged = [];
      for (let after = 0; ; ) {
        const page = await store.readResults(run.id, { after, limit });
        expect(page.length).toBeLessThanOrEqual(limit);
        const last = page.at(-1);
        if (!last) break;
        after = last.job;
        paged.push(...page);
      }
      expect(paged).toEqual(whole);
    }
    expect(await store.readResults(run.id, { limit: 0 })).toEqual([]);
  });

  test('long answers make short pages: what is read at once does not pile up', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(5));
    const { lease, attempts } = await sendBatch(store, lane);
    const output = 'x'.repeat(5_000_000);
    await store.book(
      attempts.map((ref) => succeeded(ref, { output })),
      lease,
    );
    await endBatch(store, lease);
    const page = await store.readResults(run.id, { limit: 5 });
    expect(page).toHaveLength(2);
    expect(await store.readResults(run.id, { after: page[1]?.job ?? 0, limit: 1 })).toHaveLength(1);
  });

  test('the rows of one run never show in another', async () => {
    const { store } = context;
    const one = await fill(store, newJobs(3));
    const two = await fill(store, newJobs(2));
    await store.addJobs(one.run.id, [newJob('later')], adding);
    expect((await store.readResults(one.run.id, { limit: 100 })).map((row) => row.key)).toEqual([
      'item-1',
      'item-2',
      'item-3',
      'later',
    ]);
    const last = first((await store.readResults(one.run.id, { limit: 100 })).slice(-1));
    expect(await store.readResults(two.run.id, { limit: 100 })).toHaveLength(2);
    expect(await store.readResults(two.run.id, { after: 0, limit: 100 })).toHaveLength(2);
    expect(await store.readResults(one.run.id, { after: last.job, limit: 100 })).toEqual([]);
  });

  test('cancelling takes what nobody holds, a chunk at a time, and says when nothing is left', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(chunkRows));
    await store.addJobs(run.id, newJobs(20, batchLane, 'more'), adding);
    await packBatch(store, lane, { requests: 10 });
    const cancelled = [];
    for (;;) {
      const count = await store.cancelQueuedJobs(run.id);
      if (count === 0) break;
      expect(count).toBeLessThanOrEqual(chunkRows);
      cancelled.push(count);
    }
    expect(cancelled.reduce((sum, count) => sum + count, 0)).toBe(chunkRows + 10);
    expect((await runOf(store, run.id)).counts).toMatchObject({ queued: 0, packed: 10, cancelled: chunkRows + 10 });
    expect(first(await store.readResults(run.id, { limit: 1, states: ['cancelled'] }))).toMatchObject({
      errorCode: 'cancelled',
      attempts: 0,
    });
  });

  test('requeueing gives a job all its attempts again and forgets the error', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(3), { maxAttempts: 1 });
    const sent = await sendBatch(store, lane, { requests: 2 });
    await store.book(
      sent.attempts.map((ref) => failed(ref, { next: 'retry' })),
      sent.lease,
    );
    await endBatch(store, sent.lease);
    await store.cancelQueuedJobs(run.id);
    expect(await store.requeueJobs(run.id, [])).toBe(0);
    expect(await store.requeueJobs(run.id, ['failed'])).toBe(2);
    expect(await store.requeueJobs(run.id, ['failed'])).toBe(0);
    expect((await runOf(store, run.id)).counts).toMatchObject({ queued: 2, cancelled: 1 });
    expect(await store.requeueJobs(run.id, ['failed', 'cancelled'])).toBe(1);
    const rows = await store.readResults(run.id, { limit: 10 });
    expect(rows.map((row) => [row.state, row.errorCode])).toEqual(Array(3).fill(['pending', undefined]));
    const again = await sendBatch(store, lane);
    await store.book(
      again.attempts.map((ref) => succeeded(ref)),
      again.lease,
    );
    await endBatch(store, again.lease);
    expect((await runOf(store, run.id)).counts.succeeded).toBe(3);
  });

  test('skipped jobs have no request and are never requeued', async () => {
    const { store } = context;
    const { run } = await fill(store, newJobs(1));
    await store.addJobs(run.id, [{ key: 'none', position: 2, skip: { code: 'empty', message: 'x' } }], adding);
    expect(await store.requeueJobs(run.id, ['failed', 'cancelled'])).toBe(0);
  });

  test('an illegal move of a batch is refused and changes nothing; a legal one with the same change is not', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    const { lease } = await packBatch(store, lane);
    for (const state of ['in_progress', 'ended', 'collected', 'failed', 'unknown'] as const) {
      await expect(store.updateBatch(lease, { state, remoteId: 'x', tries: 9 }, start)).rejects.toThrow(/packing/);
    }
    expect(first(await store.listBatches())).toMatchObject({ state: 'packing', tries: 0 });
    expect(first(await store.listBatches()).remoteId).toBeUndefined();
    const sealed = await store.updateBatch(lease, { state: 'packed', remoteId: 'x', tries: 9 }, start);
    expect(sealed).toMatchObject({ state: 'packed', remoteId: 'x', tries: 9 });
  });

  test('every property of a batch reads as it was written, and null takes it away', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    const { lease } = await packBatch(store, lane);
    const change = {
      nextAt: start + 1,
      tries: 2,
      sha256: 'a'.repeat(64),
      remoteId: 'batch_1',
      inputFileId: 'file-1',
      rawStatus: 'validating',
      counts: { total: 3, succeeded: 2, failed: 1 },
      absentSince: start + 3,
      cancelRequested: true,
      errorCode: 'code',
      errorMessage: 'words',
      submittedAt: start + 4,
      endedAt: start + 5,
      expiresAt: start + 6,
    };
    expect(await store.updateBatch(lease, change, start)).toMatchObject(change);
    expect(first(await store.listBatches())).toMatchObject(change);
    const nothing = { inputFileId: null, absentSince: null, errorCode: null, errorMessage: null };
    const emptied = await store.updateBatch(lease, { ...nothing, cancelRequested: false, tries: 0 }, start);
    for (const name of ['inputFileId', 'absentSince', 'errorCode', 'errorMessage'] as const) {
      expect(emptied[name]).toBeUndefined();
    }
    expect(emptied).toMatchObject({ cancelRequested: false, tries: 0, remoteId: 'batch_1' });
  });

  test('lines that match nothing are kept and counted, once however often they are read', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    const { lease } = await sendBatch(store, lane);
    const lines = [
      { reason: 'unknown_id', customId: 'request-7', line: '{"custom_id":"request-7"}' },
      { reason: 'malformed', line: '{"custom_' },
    ] as const;
    await store.quarantine(lease, lines);
    await store.quarantine(lease, lines);
    await store.quarantine(lease, []);
    await store.quarantine(lease, [{ ...lines[0], reason: 'duplicate' }]);
    expect(first(await store.listBatches()).quarantined).toBe(3);
  });

  test('batches are listed newest first, by run, open ones alone, cut at the limit', async () => {
    const { store } = context;
    const one = await fill(store, newJobs(2));
    const two = await fill(store, newJobs(1));
    const a = await packBatch(store, one.lane, { requests: 1 });
    const b = await packBatch(store, one.lane);
    const c = await packBatch(store, two.lane);
    await moveThrough(store, c.lease, ['packed', 'submitting', 'in_progress']);
    await store.startJobs(c.lease, 0);
    await store.book(
      c.attempts.map((ref) => succeeded(ref)),
      c.lease,
    );
    await endBatch(store, c.lease);
    const ids = async (filter?: { runId?: string; limit?: number; openOnly?: boolean }) =>
      (await store.listBatches(filter)).map((batch) => batch.id);
    expect(await ids()).toEqual([c.batch.id, b.batch.id, a.batch.id]);
    expect(await ids({ runId: one.run.id })).toEqual([b.batch.id, a.batch.id]);
    expect(await ids({ runId: two.run.id, openOnly: true })).toEqual([]);
    expect(await ids({ openOnly: true, limit: 1 })).toEqual([b.batch.id]);
  });
}
