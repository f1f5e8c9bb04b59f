import { describe, expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import type { Store } from '../store.ts';
import {
  account,
  addRun,
  createEngineFixture,
  type EngineFixture,
  endRemote,
  good,
  results,
  runOf,
  spyStore,
} from './engine-fixtures.ts';
import { packRun } from './pack-run.ts';
import { createWorker } from './worker.ts';

const never = new AbortController().signal;
const realtime = { lane: { mode: 'realtime' as const }, mode: 'realtime' as const };
const writes = ['book', 'updateBatch', 'admitBatch', 'packJobs', 'renewLeases'];

/** A store whose disk is full while the test says so; what the first worker of a process wrote then is missing. */
function breakable(fixture: EngineFixture, broken = writes) {
  const disk = { isFull: false };
  const store: Store = spyStore(fixture.store, (method) => {
    if (disk.isFull && broken.includes(method)) {
      throw new OffpeakError('the disk is full', { code: 'store_full', retryable: true });
    }
  });
  return { disk, engine: { ...fixture.engine, store } };
}

/** As a service does: a worker that fails is followed by another one of the same process. */
const serve = (engine: EngineFixture['engine'], signal = never) =>
  createWorker(engine, { isAlive: () => true }).run(signal);

describe('a store that fails under a worker of a service', () => {
  test.each(['released', 'lapsed'] as const)(
    'a batch whose id could not be kept is found by the next worker of the process; its lease is %s',
    async (how) => {
      const fixture = createEngineFixture();
      const { clock, fake } = fixture;
      const { disk, engine } = breakable(fixture, how === 'lapsed' ? [...writes, 'releaseOwner'] : writes);
      fake.on.create = (make) => {
        disk.isFull = true;
        return make();
      };
      const run = await addRun(fixture, 2);
      await expect(clock.runUntil(serve(engine), 60_000)).rejects.toMatchObject({ code: 'store_full' });
      expect((await fixture.store.listBatches())[0]?.state).toBe('submitting');
      const held = (await fixture.store.listOwners()).filter((owner) => owner.startsWith('worker-a#'));
      expect(held).toHaveLength(how === 'lapsed' ? 1 : 0);
      disk.isFull = false;
      const stop = new AbortController();
      const working = serve(engine, stop.signal);
      await clock.advance(120_000);
      endRemote(fake);
      await clock.advance(120_000);
      expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2 } });
      expect(fake.calls.filter((call) => call === 'create')).toHaveLength(1);
      stop.abort();
      await clock.runUntil(working);
    },
  );

  test.each(['released', 'lapsed'] as const)(
    'a paid answer that cannot be kept is lost on record, and the job ends; its lease is %s',
    async (how) => {
      const fixture = createEngineFixture();
      const { clock, fake } = fixture;
      const { disk, engine } = breakable(fixture, how === 'lapsed' ? [...writes, 'releaseOwner'] : writes);
      fake.on.call = async () => {
        disk.isFull = fake.calls.length === 1;
        return good('answer');
      };
      const run = await addRun(fixture, 1, { ...realtime, maxAttempts: 2 });
      await expect(clock.runUntil(serve(engine), 60_000)).rejects.toMatchObject({ code: 'store_full' });
      disk.isFull = false;
      const stop = new AbortController();
      const working = serve(engine, stop.signal);
      await clock.advance(120_000);
      expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 1, running: 0 } });
      // The first one counts, so that nothing is paid twice without a trace.
      expect((await results(fixture, run.id)).map((row) => row.attempts)).toEqual([2]);
      expect(fake.calls).toHaveLength(2);
      stop.abort();
      await clock.runUntil(working);
    },
  );

  test('with no attempt left, the job whose answer was lost is not sent again', async () => {
    const fixture = createEngineFixture();
    const { clock, fake } = fixture;
    const { disk, engine } = breakable(fixture);
    fake.on.call = async () => {
      disk.isFull = true;
      return good('answer');
    };
    const run = await addRun(fixture, 1, { ...realtime, maxAttempts: 1 });
    await expect(clock.runUntil(serve(engine), 60_000)).rejects.toMatchObject({ code: 'store_full' });
    disk.isFull = false;
    expect((await results(fixture, run.id))[0]).toMatchObject({ state: 'failed', errorCode: 'lost', attempts: 1 });
    expect(fake.calls).toHaveLength(1);
  });

  test('a job that goes back is given back again when the store is locked for a moment', async () => {
    const fixture = createEngineFixture();
    const { clock, fake } = fixture;
    const { disk, engine } = breakable(fixture, ['book']);
    fake.on.call = async () => {
      if (fake.calls.length > 1) return good('answer');
      disk.isFull = true;
      void clock.sleep(2_500).then(() => {
        disk.isFull = false;
      });
      throw new OffpeakError('nobody there', { code: 'unavailable', retryable: true });
    };
    const run = await addRun(fixture, 1, realtime);
    await clock.runUntil(createWorker(engine, { runId: run.id, isAlive: () => true }).run(never), 60_000);
    expect((await results(fixture, run.id))[0]).toMatchObject({ state: 'succeeded', attempts: 1 });
  });

  test('leases are renewed again once the store can, while the last calls end', async () => {
    const fixture = createEngineFixture();
    const { clock, fake, store } = fixture;
    const { disk, engine } = breakable(fixture, ['renewLeases']);
    fake.on.call = async () => {
      await clock.sleep(17_000);
      return good('answer');
    };
    const run = await addRun(fixture, 1, realtime);
    const working = serve({ ...engine, leaseMs: 12_000 }).catch((error) => error);
    await clock.advance(10_000);
    disk.isFull = true;
    await clock.advance(3_000);
    disk.isFull = false;
    await clock.advance(3_000);
    expect(await store.releaseLapsed(clock.now() + 8_000)).toBe(0);
    expect(await clock.runUntil(working)).toMatchObject({ code: 'store_full' });
    expect((await results(fixture, run.id))[0]).toMatchObject({ state: 'succeeded', attempts: 1 });
  });

  test('a queue that could not be packed is packed by the worker of the same process', async () => {
    const fixture = createEngineFixture();
    const { clock, fake } = fixture;
    const { disk, engine } = breakable(fixture);
    const run = await addRun(fixture, 2);
    disk.isFull = true;
    await expect(packRun(engine, run.id, never)).rejects.toMatchObject({ code: 'store_full' });
    disk.isFull = false;
    expect(clock.sleeping).toBe(0);
    const owner = { owner: 'worker-b', now: clock.now(), leaseMs: 1 };
    expect(await fixture.store.claimBatch({ accounts: [account] }, owner)).toMatchObject({ state: 'packing' });
    expect(fake.calls).toEqual([]);
  });
});

test('what packs for long keeps its lease, beside a worker of the same process', async () => {
  const fixture = createEngineFixture();
  const { clock, engine, store } = fixture;
  const run = await addRun(fixture, 2, { state: 'open' });
  const stop = new AbortController();
  const packing = packRun(engine, run.id, stop.signal);
  await clock.advance(100_000);
  expect(await store.releaseLapsed(clock.now())).toBe(0);
  await store.updateRun(run.id, { state: 'running' }, clock.now());
  await clock.runUntil(packing, 10_000);
  expect(await packing).toMatchObject([{ state: 'packed', requests: 2 }]);
  expect(clock.sleeping).toBe(0);
});
