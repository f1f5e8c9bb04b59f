import { describe, expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import type { BatchChange } from '../store-rows.ts';
import {
  account,
  addRun,
  batchOf,
  createEngineFixture,
  createFakeProvider,
  type EngineFixture,
  endRemote,
  good,
  leaseOf,
  lineOf,
  openBatch,
  results,
  runOf,
} from './engine-fixtures.ts';
import { pack } from './pack.ts';
import { createWorker } from './worker.ts';

const minute = 60_000;
const hour = 60 * minute;
const never = new AbortController().signal;
const work = (fixture: EngineFixture, runId: string, engine = fixture.engine) =>
  createWorker(engine, { runId, isAlive: (owner) => owner !== 'killed' }).run(never);

const count = ({ fake }: EngineFixture, name: string) => fake.calls.filter((call) => call === name).length;

/** A provider whose batches end so long after they were made. */
function taking(batchMs: number, options: Parameters<typeof createFakeProvider>[0] = {}): EngineFixture {
  const fixture = createEngineFixture(createFakeProvider(options));
  const { fake, clock } = fixture;
  const madeAt = new Map<string, number>();
  fake.on.create = (make) => {
    const remote = make();
    madeAt.set(remote.remoteId, clock.now());
    return remote;
  };
  fake.on.get = (remote) => {
    if (!remote) throw new OffpeakError('no such batch', { code: 'not_found' });
    if (remote.phase === 'running' && clock.now() >= (madeAt.get(remote.remoteId) ?? 0) + batchMs) {
      Object.assign(remote, { phase: 'ended', rawStatus: 'completed' });
    }
    return { ...remote };
  };
  return fixture;
}

/** Minutes: up to ten, half of them within 5.2. */
const usual = Array.from({ length: 25 }, (_, i) => 0.4 * (i + 1));

/** Batches of the past that took so long, or were stopped then. */
async function history(fixture: EngineFixture, minutes: readonly number[], change: BatchChange = {}): Promise<void> {
  const { store, clock } = fixture;
  for (const each of minutes) {
    const run = await addRun(fixture, 1, { fresh: true });
    const batch = await openBatch(fixture, run.id);
    const lease = { batchId: batch.id, generation: batch.generation };
    await store.updateBatch(lease, { state: 'packed' }, clock.now());
    const times = { submittedAt: clock.now() - each * 60_000, endedAt: clock.now(), ...change };
    for (const state of ['submitting', 'in_progress', 'ended', 'collecting', 'collected'] as const) {
      await store.updateBatch(lease, { state, ...times }, clock.now());
    }
    await store.cancelQueuedJobs(run.id);
    await store.updateRun(run.id, { state: 'ended' }, clock.now());
  }
}

describe('a run with a deadline', () => {
  test('a batch in time is never hedged', async () => {
    const fixture = taking(2 * minute);
    await history(fixture, usual);
    const run = await addRun(fixture, 10, { deadlineAt: fixture.clock.now() + 8 * minute });
    await fixture.clock.runUntil(work(fixture, run.id));
    expect(count(fixture, 'call') + count(fixture, 'cancel')).toBe(0);
    const after = await runOf(fixture, run.id);
    expect(after).toMatchObject({ state: 'ended', counts: { succeeded: 10 } });
    expect(after.note).toBeUndefined();
  });

  test('refused in the very look in which the deadline switches: its jobs go realtime all the same', async () => {
    const fixture = taking(23 * hour);
    await history(fixture, usual);
    const { clock, fake } = fixture;
    const errors = [{ code: 'model_not_found', message: 'no such model in batches' }];
    let refused = {};
    fake.on.cancel = (remote) => {
      refused = { phase: 'refused', rawStatus: 'failed', refusal: 'batch', errors };
      return { ...(remote ?? (undefined as never)) };
    };
    fake.on.get = (remote) => ({ ...(remote ?? (undefined as never)), ...refused });
    const run = await addRun(fixture, 10, { deadlineAt: clock.now() + 6.5 * minute });
    await clock.runUntil(work(fixture, run.id));
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 10, failed: 0 } });
    expect(count(fixture, 'call')).toBe(10);
  });

  test('a late batch: at the last moment its jobs go realtime, it is asked to stop, all are back in time', async () => {
    const fixture = taking(23 * hour);
    await history(fixture, usual);
    const { clock, fake } = fixture;
    // It takes a while to stop.
    let endsAt = Number.POSITIVE_INFINITY;
    fake.on.cancel = (remote) => {
      endsAt = clock.now() + 30_000;
      return { ...(remote ?? (undefined as never)) };
    };
    fake.on.get = (remote) => {
      if (clock.now() >= endsAt) endRemote(fake, { rawStatus: 'cancelled' });
      return { ...(remote ?? (undefined as never)) };
    };
    const began = clock.now();
    const deadlineAt = began + 6.5 * minute;
    const calledAt: number[] = [];
    fake.on.call = async (body) => {
      calledAt.push(clock.now());
      return good(`realtime ${body}`);
    };
    // What it had finished when it was stopped is paid and kept.
    fake.on.results = (remote) => remote.requests.slice(0, 3).map((request) => lineOf(request));
    const run = await addRun(fixture, 10, { deadlineAt });
    await clock.runUntil(work(fixture, run.id));
    expect(Math.min(...calledAt) - began).toBeGreaterThan(5 * minute);
    expect(Math.max(...calledAt)).toBeLessThan(deadlineAt);
    expect(count(fixture, 'cancel')).toBe(1);
    expect(count(fixture, 'call')).toBe(10);
    const after = await runOf(fixture, run.id);
    expect(after).toMatchObject({ state: 'ended', counts: { succeeded: 10, cancelled: 0, failed: 0 } });
    expect(after.note).toMatch(/realtime.*UTC/);
    // Ten calls at the full price and three rows of the batch at half of it.
    const [costs] = [await fixture.store.listCosts({ runId: run.id })];
    expect(costs.map((row) => [row.realtime, row.attempts])).toEqual([
      [false, 3],
      [true, 10],
    ]);
    expect(after.costNanoUsd).toBe(costs.reduce((sum, row) => sum + row.costNanoUsd, 0));
    expect((await results(fixture, run.id)).every((row) => row.output?.startsWith('realtime'))).toBe(true);
    expect(await fixture.store.check()).toEqual([]);
  });

  test('mode `batch` waits for its batch, whatever the deadline', async () => {
    const fixture = taking(20 * minute);
    const run = await addRun(fixture, 3, { mode: 'batch', deadlineAt: fixture.clock.now() + 10 * minute });
    await fixture.clock.runUntil(work(fixture, run.id));
    expect(count(fixture, 'call') + count(fixture, 'cancel')).toBe(0);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(3);
  });

  test('too near for any batch: realtime at once, and the run says why', async () => {
    const fixture = taking(hour);
    const run = await addRun(fixture, 3, { deadlineAt: fixture.clock.now() + 5 * 60_000 });
    await fixture.clock.runUntil(work(fixture, run.id));
    expect(count(fixture, 'create')).toBe(0);
    expect(count(fixture, 'call')).toBe(3);
    expect((await runOf(fixture, run.id)).note).toContain('realtime');
  });

  test('an account that is known to be quick is trusted with a near deadline, a slow one is not', async () => {
    for (const [minutes, creates] of [
      [2, 1],
      [60, 0],
    ] as const) {
      const fixture = taking(2 * minute);
      await history(
        fixture,
        Array.from({ length: 25 }, () => minutes),
      );
      const run = await addRun(fixture, 2, { deadlineAt: fixture.clock.now() + 10 * minute });
      await fixture.clock.runUntil(work(fixture, run.id));
      expect(count(fixture, 'create'), `${minutes} minutes`).toBe(creates);
      expect((await runOf(fixture, run.id)).counts.succeeded).toBe(2);
    }
  });

  test('batches that were given up after two minutes make no account a quick one', async () => {
    const fixture = taking(2 * minute);
    const stopped = { hedged: true, cancelRequested: true };
    await history(
      fixture,
      Array.from({ length: 25 }, () => 2),
      stopped,
    );
    const run = await addRun(fixture, 2, { deadlineAt: fixture.clock.now() + 10 * minute });
    await fixture.clock.runUntil(work(fixture, run.id));
    expect(count(fixture, 'create')).toBe(0);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(2);
  });

  test('a sealed batch for which it has become too late is taken apart', async () => {
    const fixture = taking(hour);
    const { clock, store, engine } = fixture;
    const run = await addRun(fixture, 2, { deadlineAt: clock.now() + 10 * hour });
    const batch = await pack(engine, await openBatch(fixture, run.id), never);
    await store.updateBatch(leaseOf(batch), {}, clock.now(), 'release');
    await clock.advance(9.9 * hour);
    await clock.runUntil(work(fixture, run.id));
    expect((await batchOf(fixture, batch.id)).state).toBe('abandoned');
    expect(count(fixture, 'create')).toBe(0);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(2);
  });

  test('a batch of which nobody knows whether it exists: its jobs go realtime in time, its results are kept', async () => {
    const fixture = taking(9 * minute, { proof: 'results' });
    await history(fixture, usual);
    const { clock, fake } = fixture;
    const create = fake.on.create;
    fake.on.create = async (make) => {
      await create?.(make);
      throw new OffpeakError('reset', { code: 'outcome_unknown' });
    };
    fake.on.list = () => {
      for (const remote of fake.remotes) fake.on.get?.(remote);
      return fake.remotes;
    };
    const deadlineAt = clock.now() + 6.5 * minute;
    let lastCall = 0;
    fake.on.call = async () => {
      lastCall = clock.now();
      return good('realtime');
    };
    const run = await addRun(fixture, 4, { deadlineAt });
    await clock.runUntil(work(fixture, run.id));
    expect(count(fixture, 'create')).toBe(1);
    expect(count(fixture, 'call')).toBe(4);
    expect(lastCall).toBeLessThan(deadlineAt);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 4 } });
    const costs = await fixture.store.listCosts({ runId: run.id });
    expect(costs.map((row) => row.attempts)).toEqual([4, 4]);
    expect(await fixture.store.check()).toEqual([]);
  });

  test('cancelled while the batch is being given up: nothing is called any more', async () => {
    const fixture = taking(23 * hour);
    await history(fixture, usual);
    const { clock, fake, store } = fixture;
    fake.on.call = async () => {
      throw new OffpeakError('nobody there', { code: 'unavailable', retryable: true });
    };
    fake.on.results = () => [];
    const run = await addRun(fixture, 5, { deadlineAt: clock.now() + 6.5 * minute });
    const working = work(fixture, run.id);
    while (count(fixture, 'call') === 0) await clock.advance(5_000);
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    const calls = count(fixture, 'call');
    await clock.runUntil(working);
    expect(count(fixture, 'call')).toBeLessThanOrEqual(calls + 5);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { cancelled: 5 } });
  });

  test('a provider that does not stop its batch now is asked again; one that refuses is not; both lose no time', async () => {
    for (const [code, asked] of [
      ['unavailable', 2],
      ['rejected', 1],
    ] as const) {
      const fixture = taking(10 * minute);
      await history(fixture, usual);
      const { clock, fake } = fixture;
      fake.on.cancel = (remote) => {
        if (count(fixture, 'cancel') === 1) throw new OffpeakError('no', { code, retryable: code === 'unavailable' });
        if (remote) endRemote(fake, { rawStatus: 'cancelled' });
        return { ...(remote ?? (undefined as never)) };
      };
      const run = await addRun(fixture, 3, { deadlineAt: clock.now() + 6.5 * minute });
      await clock.runUntil(work(fixture, run.id));
      expect(count(fixture, 'cancel'), code).toBe(asked);
      expect(count(fixture, 'call')).toBe(3);
      expect((await runOf(fixture, run.id)).counts.succeeded).toBe(3);
    }
  });

  test('a crash at each step: the next worker goes on, every job ends once', async () => {
    for (const point of ['hedge lane', 'hedge noted', 'hedge cancelled', 'hedge jobs']) {
      const fixture = taking(23 * hour);
      await history(fixture, usual);
      const { clock, engine, fake, store } = fixture;
      fake.on.results = (remote) => remote.requests.slice(0, 1).map((request) => lineOf(request));
      const run = await addRun(fixture, 4, { deadlineAt: clock.now() + 6.5 * minute });
      const stop = new AbortController();
      const dying = {
        ...engine,
        owner: 'killed',
        crashpoint: (name: string) => {
          if (name !== point) return;
          stop.abort();
          throw new Error('killed');
        },
      };
      const first = createWorker(dying, { runId: run.id, isAlive: () => true }).run(stop.signal);
      await expect(clock.runUntil(first), point).rejects.toThrow('killed');
      await clock.runUntil(work(fixture, run.id));
      const after = await runOf(fixture, run.id);
      expect(after, point).toMatchObject({ state: 'ended', counts: { succeeded: 4 } });
      // The row that the batch had finished may have been read before it was called for.
      expect([3, 4]).toContain(count(fixture, 'call'));
      expect(await store.check()).toEqual([]);
      expect((await store.listBatches({ runId: run.id })).map((batch) => batch.account)).toEqual([account]);
    }
  });
});
