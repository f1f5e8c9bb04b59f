import { describe, expect, test } from 'vitest';
import { advance } from './advance.ts';
import {
  account,
  addRun,
  batchOf,
  createEngineFixture,
  createFakeProvider,
  lane,
  newJobs,
  openBatch,
  results,
  runOf,
  size,
} from './engine-fixtures.ts';
import { pack, packChunk } from './pack.ts';

const signal = new AbortController().signal;

describe('packing', () => {
  test('batches are cut at the provider’s limit in requests', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 4 } }));
    const run = await addRun(fixture, 10);
    const sizes = [];
    while ((await runOf(fixture, run.id)).counts.queued > 0) {
      const batch = await pack(fixture.engine, await openBatch(fixture, run.id), signal);
      expect(batch.state).toBe('packed');
      sizes.push(batch.requests);
    }
    expect(sizes).toEqual([4, 4, 2]);
  });

  test('batches are cut at the provider’s limit in bytes, counted as lines', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxBytes: 400 } }));
    const run = await addRun(fixture, 7);
    const batches = [];
    while ((await runOf(fixture, run.id)).counts.queued > 0) {
      batches.push(await pack(fixture.engine, await openBatch(fixture, run.id), signal));
    }
    expect(batches.map((batch) => batch.requests)).toEqual([3, 3, 1]);
    for (const batch of batches) expect(batch.bytes).toBeLessThanOrEqual(400);
  });

  test('batches are cut at the provider’s limit in embedding inputs, also when they are claimed in several chunks', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 2_000, maxInputs: 1_101 } }));
    const embeddings = newJobs(1_100).flatMap(({ request, ...job }) =>
      request ? [{ ...job, request: { ...request, size: { ...size, inputs: 2 } } }] : [],
    );
    const run = await addRun(fixture, embeddings);
    const batches = [];
    while ((await runOf(fixture, run.id)).counts.queued > 0) {
      batches.push(await pack(fixture.engine, await openBatch(fixture, run.id), signal));
    }
    expect(batches.map(({ requests, inputs }) => [requests, inputs])).toEqual([
      [550, 1_100],
      [550, 1_100],
    ]);
    expect(batches).toMatchObject(await Promise.all(batches.map(({ id }) => batchOf(fixture, id))));
  });

  test('a batch that was half taken apart when its worker died is never sent: the rest goes back too', async () => {
    const fixture = createEngineFixture();
    const { store, clock, engine } = fixture;
    const run = await addRun(fixture, 5);
    const packed = await pack(engine, await openBatch(fixture, run.id), signal);
    const [first] = await store.readAttempts(packed.id, { afterJob: 0, limit: 1, openOnly: true });
    const lease = { batchId: packed.id, generation: packed.generation };
    const back = { outcome: 'returned', next: 'queued', at: clock.now() } as const;
    await store.book([{ job: first?.job ?? 0, attempt: 1, ...back }], lease);
    await advance(engine, packed, signal);
    expect(await batchOf(fixture, packed.id)).toMatchObject({ state: 'abandoned' });
    expect((await runOf(fixture, run.id)).counts.queued).toBe(5);
    expect(fixture.fake.calls).toEqual([]);
  });

  test('a limit learned while it is packed, below what it holds, seals it', async () => {
    const enqueued = { unit: 'requests', scope: 'account' } as const;
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 2_000, enqueued } }));
    const { engine, store, clock } = fixture;
    const run = await addRun(fixture, 1_200);
    const opened = await openBatch(fixture, run.id);
    const packed = await packChunk(engine, opened);
    expect(packed.packed).toBe(500);
    await store.learnLimit(account, '*', 100, clock.now());
    const batch = await pack(engine, { ...opened, requests: packed.packed, bytes: packed.bytes }, signal);
    expect(batch).toMatchObject({ state: 'packed', requests: 500 });
  });

  test('nothing goes into a batch whose lane has gone realtime meanwhile', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, 3);
    const opened = await openBatch(fixture, run.id);
    await fixture.store.updateLane(opened.laneId, { mode: 'realtime' });
    expect(await pack(fixture.engine, opened, signal)).toMatchObject({ state: 'abandoned', requests: 0 });
    expect((await runOf(fixture, run.id)).counts.queued).toBe(3);
  });

  test('a request larger than any batch fails with the reason, and the rest goes', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxBytes: 400 } }));
    const big = { key: 'big', position: 2, request: { lane, body: `{"x":"${'y'.repeat(500)}"}`, size } };
    const run = await addRun(fixture, [...newJobs(1), big, ...newJobs(1, lane, 'after')]);
    const batch = await pack(fixture.engine, await openBatch(fixture, run.id), signal);
    expect(batch).toMatchObject({ state: 'packed', requests: 2 });
    const rows = await results(fixture, run.id);
    expect(rows.map((row) => row.errorCode)).toEqual([undefined, 'too_large', undefined]);
  });

  test('nothing but too large requests: the batch is abandoned, nothing is sent', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxBytes: 50 } }));
    const run = await addRun(fixture, 2);
    const opened = await openBatch(fixture, run.id);
    await advance(fixture.engine, opened, signal);
    expect((await batchOf(fixture, opened.id)).state).toBe('abandoned');
    expect(fixture.fake.calls).toEqual([]);
    expect((await runOf(fixture, run.id)).counts.failed).toBe(2);
  });

  test('one batch holds one model', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, [...newJobs(3), ...newJobs(2, { ...lane, model: 'gpt-5-nano' }, 'nano')]);
    const lanes = await fixture.store.findLanes({ accounts: [account] }, fixture.clock.now());
    expect(lanes.map(({ model }) => model)).toEqual(['gpt-5-mini', 'gpt-5-nano']);
    const batch = await pack(fixture.engine, await openBatch(fixture, run.id), signal);
    expect(batch).toMatchObject({ model: 'gpt-5-mini', requests: 3 });
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ packed: 3, queued: 2 });
  });

  test('while the source is still being read, a batch that is not full waits for more; sealing the run seals it', async () => {
    const fixture = createEngineFixture();
    const { store, clock } = fixture;
    const run = await addRun(fixture, 2, { state: 'open' });
    const packing = pack(fixture.engine, await openBatch(fixture, run.id), signal);
    await clock.advance(1_000);
    expect((await runOf(fixture, run.id)).counts.packed).toBe(2);
    await store.addJobs(run.id, newJobs(3, lane, 'more'), { now: clock.now(), reuse: false, reopen: false });
    await clock.advance(1_000);
    expect((await runOf(fixture, run.id)).counts.packed).toBe(5);
    await store.updateRun(run.id, { state: 'running' }, clock.now());
    expect(await clock.runUntil(packing)).toMatchObject({ state: 'packed', requests: 5 });
  });

  test('a full batch does not wait for the source', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 2 } }));
    const run = await addRun(fixture, 2, { state: 'open' });
    expect(await pack(fixture.engine, await openBatch(fixture, run.id), signal)).toMatchObject({ state: 'packed' });
  });

  test('cancelled in the middle, the batch is taken apart: jobs cancelled, no attempt used, nothing sent', async () => {
    const fixture = createEngineFixture();
    const { store, clock, fake } = fixture;
    const run = await addRun(fixture, 3, { state: 'open' });
    const opened = await openBatch(fixture, run.id);
    const advancing = advance(fixture.engine, opened, signal);
    await clock.advance(500);
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    await clock.runUntil(advancing);
    expect(await batchOf(fixture, opened.id)).toMatchObject({ state: 'abandoned' });
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ cancelled: 3, packed: 0, queued: 0 });
    expect((await results(fixture, run.id)).map((row) => row.attempts)).toEqual([0, 0, 0]);
    expect(fake.calls).toEqual([]);
    expect(await store.check()).toEqual([]);
  });

  test('cancelled between sealing and sending, it is not sent', async () => {
    const fixture = createEngineFixture();
    const { store, clock, fake, engine } = fixture;
    const run = await addRun(fixture, 3);
    const opened = await openBatch(fixture, run.id);
    await pack(engine, opened, signal);
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    await advance(engine, await batchOf(fixture, opened.id), signal);
    expect((await runOf(fixture, run.id)).counts.cancelled).toBe(3);
    expect(fake.calls).toEqual([]);
  });

  test('stopped in the middle, the next worker goes on where this one was', async () => {
    const fixture = createEngineFixture();
    const { store, clock, engine } = fixture;
    const run = await addRun(fixture, 3, { state: 'open' });
    const opened = await openBatch(fixture, run.id);
    const stop = new AbortController();
    const advancing = advance(engine, opened, stop.signal);
    await clock.advance(200);
    stop.abort();
    await clock.runUntil(advancing);
    expect(await batchOf(fixture, opened.id)).toMatchObject({ state: 'packing', requests: 3 });
    await store.updateRun(run.id, { state: 'running' }, clock.now());
    const next = await store.claimBatch(
      { accounts: [account] },
      { owner: 'worker-b', now: clock.now(), leaseMs: 30_000 },
    );
    expect(next?.id).toBe(opened.id);
    if (next) await advance({ ...engine, owner: 'worker-b' }, next, signal);
    expect(await batchOf(fixture, opened.id)).toMatchObject({ state: 'in_progress', requests: 3 });
  });
});
