import { expect, test } from 'vitest';
import { chunkRows } from '../../store-rows.ts';
import {
  adding,
  batchLane,
  endBatch,
  failed,
  fill,
  first,
  idBytes,
  laneOf,
  leaseFor,
  leaseOf,
  moveThrough,
  newJob,
  newJobs,
  nonce,
  packBatch,
  returned,
  room,
  runOf,
  type StoreContext,
  sendBatch,
  start,
} from './context.ts';

export function testPacking(context: StoreContext): void {
  test('a new batch is leased, empty, and of its lane', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const batch = await store.openBatch(lane, 'abcdefgh23', leaseFor());
    const { mode: _, ...key } = batchLane;
    expect(batch).toMatchObject({ ...key, runId: run.id, laneId: lane, state: 'packing', nonce: 'abcdefgh23' });
    expect(batch).toMatchObject({ requests: 0, bytes: 0, quarantined: 0, tries: 0, createdAt: start });
    expect(batch.cancelRequested).toBe(false);
    expect(batch.remoteId).toBeUndefined();
    expect(await store.listOwners()).toContain('worker-a');
    await expect(store.openBatch(987_654, nonce(), leaseFor())).rejects.toMatchObject({ code: 'not_found' });
  });

  test('jobs are claimed in the order of arrival, each by one batch', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(5));
    const one = await packBatch(store, lane, { requests: 3 });
    const two = await packBatch(store, lane, { requests: 3 });
    expect(one.packed).toMatchObject({ packed: 3, full: true, oversize: 0 });
    expect(two.packed).toMatchObject({ packed: 2, full: false, oversize: 0 });
    const keys = await store.getJobKeys([...one.attempts, ...two.attempts].map(({ job }) => job));
    expect([...keys.values()]).toEqual(['item-1', 'item-2', 'item-3', 'item-4', 'item-5']);
    expect((await runOf(store, run.id)).counts).toMatchObject({ queued: 0, packed: 5 });
    expect(await store.packJobs(two.lease, room())).toMatchObject({ packed: 0, bytes: 0, full: false, oversize: 0 });
  });

  test('a run of higher priority is served first, whenever it came', async () => {
    const { store } = context;
    await fill(store, newJobs(2), { priority: 5 });
    const urgent = await fill(store, newJobs(2), { priority: 10 });
    const [next] = await store.findLanes({ accounts: [batchLane.account] }, start);
    expect(next?.runId).toBe(urgent.run.id);
  });

  test('the limit in bytes counts whole lines, and the batch remembers them', async () => {
    const { store } = context;
    const { lane } = await fill(store, [newJob('a', '{"x":1}'), newJob('b', '{"x":"ü😀"}'), newJob('c', '{"x":3}')]);
    const all = await packBatch(store, lane);
    // 7, 14 and 7 of the bodies: in UTF-8, not in UTF-16 units.
    const [one, two, three] = all.attempts.map((ref, i) => idBytes(all.batch, ref) + (i === 1 ? 14 : 7)) as [
      number,
      number,
      number,
    ];
    expect(all.packed).toMatchObject({ packed: 3, bytes: one + two + three });
    await store.book(
      all.attempts.map((ref) => returned(ref)),
      all.lease,
    );
    await moveThrough(store, all.lease, ['abandoned']);

    const maxBytes = one + two + 20;
    const { packed, lease } = await packBatch(store, lane, { bytes: maxBytes, maxBytes, lineOverhead: 10 });
    expect(packed).toMatchObject({ packed: 2, bytes: maxBytes, full: true, oversize: 0 });
    expect(first(await store.listBatches())).toMatchObject({ requests: 2, bytes: maxBytes });
    const rest = await store.packJobs(lease, room({ bytes: three + 9, maxBytes, lineOverhead: 10 }));
    expect(rest).toMatchObject({ packed: 0, full: true });
    const more = await store.packJobs(lease, room({ bytes: three + 10, maxBytes, lineOverhead: 10 }));
    expect(more).toMatchObject({ packed: 1, bytes: three + 10 });
    expect(first(await store.listBatches())).toMatchObject({ requests: 3, bytes: maxBytes + three + 10 });
  });

  test('no room for requests takes none', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(2));
    expect((await packBatch(store, lane, { requests: 0 })).packed).toMatchObject({ packed: 0, full: true });
  });

  test('a job larger than a whole batch fails with the reason; its neighbours go on', async () => {
    const { store } = context;
    const big = `{"x":"${'y'.repeat(100)}"}`;
    const { run, lane } = await fill(store, [newJob('a'), newJob('big', big), newJob('c')]);
    const { packed } = await packBatch(store, lane, { bytes: 120, maxBytes: 120 });
    expect(packed).toMatchObject({ packed: 2, oversize: 1 });
    expect((await runOf(store, run.id)).counts).toMatchObject({ packed: 2, failed: 1, queued: 0 });
    const [row] = await store.readResults(run.id, { limit: 10, states: ['failed'] });
    expect(row).toMatchObject({ key: 'big', errorCode: 'too_large', attempts: 0 });
    expect(row?.errorMessage).toMatch(/takes 1[23]\d bytes/);
  });

  test('the limit in embedding inputs: what other requests hold is none, and the batch remembers the sum', async () => {
    const { store } = context;
    const embedding = (key: string, inputs: number, body?: string) => {
      const job = newJob(key, body);
      return { ...job, ...(job.request ? { request: { ...job.request, size: { ...job.request.size, inputs } } } : {}) };
    };
    const jobs = [embedding('a', 3), newJob('chat'), embedding('b', 1), embedding('c', 3), embedding('d', 1)];
    const { run, lane } = await fill(store, jobs);
    // It has changed before it was sent.
    await store.addJobs(run.id, [embedding('b', 4, '{"input":["1","2","3","4"]}')], adding);
    const { packed, lease } = await packBatch(store, lane, { inputs: 7, maxInputs: 7 });
    expect(packed).toMatchObject({ packed: 3, inputs: 7, full: true, oversize: 0 });
    expect(first(await store.listBatches())).toMatchObject({ requests: 3, inputs: 7 });
    expect(await store.packJobs(lease, room({ inputs: 0, maxInputs: 7 }))).toMatchObject({ packed: 0, full: true });
    expect(await store.packJobs(lease, room())).toMatchObject({ packed: 2, inputs: 4, full: false });
    expect(first(await store.listBatches())).toMatchObject({ requests: 5, inputs: 11 });
  });

  test('a request with more embedding inputs than a whole batch may have fails with the reason', async () => {
    const { store } = context;
    const { request, ...job } = newJob('many');
    const many = request ? { ...job, request: { ...request, size: { ...request.size, inputs: 60_000 } } } : job;
    const { run, lane } = await fill(store, [newJob('a'), many, newJob('c')]);
    const { packed } = await packBatch(store, lane, { inputs: 50_000, maxInputs: 50_000 });
    expect(packed).toMatchObject({ packed: 2, oversize: 1 });
    const [row] = await store.readResults(run.id, { limit: 10, states: ['failed'] });
    expect(row).toMatchObject({ key: 'many', errorCode: 'too_large', attempts: 0 });
    expect(row?.errorMessage).toMatch(/60000.*50000/);
  });

  test('at most a chunk at a time', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(chunkRows));
    await store.addJobs(run.id, newJobs(5, batchLane, 'more'), adding);
    const { packed, lease } = await packBatch(store, lane, { requests: 50_000 });
    expect(packed).toMatchObject({ packed: chunkRows, full: false });
    expect(await store.packJobs(lease, room())).toMatchObject({ packed: 5, full: false });
  });

  test('a job that waits for its next attempt is not claimed before', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2));
    const sent = await sendBatch(store, lane);
    const availableAt = start + 60_000;
    await store.book(
      sent.attempts.map((ref) => failed(ref, { next: 'retry', availableAt })),
      sent.lease,
    );
    await endBatch(store, sent.lease);
    expect(first(await store.findLanes({ accounts: [batchLane.account] }, start)).readyAt).toBe(availableAt);
    expect((await packBatch(store, lane)).packed.packed).toBe(0);
    expect(await store.claimJobs(lane, 5, leaseFor())).toEqual([]);
    await store.addJobs(run.id, [newJob('now')], adding);
    expect(first(await store.findLanes({ accounts: [batchLane.account] }, start)).readyAt).toBe(start);
    expect((await packBatch(store, lane, { now: availableAt })).packed.packed).toBe(3);
  });

  test('one batch holds one lane: one run, account, model and endpoint', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2));
    const other = { ...batchLane, model: 'model-2' };
    await store.addJobs(run.id, newJobs(2, other, 'other'), adding);
    await fill(store, newJobs(2));
    expect((await packBatch(store, lane)).packed.packed).toBe(2);
    expect(await store.findLanes({ accounts: [batchLane.account] }, start)).toHaveLength(2);
  });

  test('a sealed batch takes nothing more', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2));
    const { lease } = await packBatch(store, lane, { requests: 1 });
    await store.updateBatch(lease, { state: 'packed' }, start);
    await expect(store.packJobs(lease, room())).rejects.toMatchObject({ code: 'conflict' });
    expect((await runOf(store, run.id)).counts).toMatchObject({ packed: 1, queued: 1 });
  });

  test('requests are read in job order, page by page, exactly as they were added', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(7));
    const { batch, attempts } = await packBatch(store, lane);
    const read: { job: number; attempt: number }[] = [];
    for (let after = 0; ; ) {
      const page = await store.readRequests(batch.id, after, 3);
      const last = page.at(-1);
      if (!last) break;
      read.push(...page.map(({ job, attempt }) => ({ job, attempt })));
      after = last.job;
    }
    expect(read).toEqual(attempts);
    expect(first(await store.readRequests(batch.id, 0, 1)).body).toBe('{"input":"item-1"}');
    expect(await store.readAttempts(batch.id, { afterJob: 0, limit: 2, openOnly: false, skip: 3 })).toEqual(
      attempts.slice(3, 5),
    );
  });

  test('starting moves the packed jobs of this batch, and only once', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(3));
    const one = await packBatch(store, lane, { requests: 2 });
    const two = await packBatch(store, lane);
    expect(await store.startJobs(one.lease, 0)).toBe(one.attempts.at(-1)?.job);
    expect(await store.startJobs(one.lease, one.attempts.at(-1)?.job ?? 0)).toBeUndefined();
    await store.startJobs(one.lease, 0);
    expect((await runOf(store, run.id)).counts).toMatchObject({ running: 2, packed: 1 });
    await store.book(
      two.attempts.map((ref) => returned(ref)),
      two.lease,
    );
    expect((await runOf(store, run.id)).counts).toMatchObject({ running: 2, packed: 0, queued: 1 });
  });

  test('a returned attempt was none: the next one has the same number', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1), { maxAttempts: 1 });
    for (let round = 0; round < 5; round++) {
      const { attempts, lease } = await packBatch(store, lane);
      expect(attempts.map(({ attempt }) => attempt)).toEqual([1]);
      const outcome = await store.book(
        attempts.map((ref) => returned(ref)),
        lease,
      );
      expect(outcome).toMatchObject({ retried: 1, failed: 0 });
      await store.updateBatch(lease, { state: 'abandoned' }, start);
    }
    const row = first(await store.readResults(run.id, { limit: 1 }));
    expect(row).toMatchObject({ state: 'pending', attempts: 0 });
    expect(await laneOf(store, run)).toBe(lane);
    expect(leaseOf(await store.openBatch(lane, nonce(), leaseFor()))).toBeDefined();
  });
}
