import { describe, expect, test } from 'vitest';
import type { NewJob } from '../store-rows.ts';
import {
  account,
  addRun,
  batchOf,
  createEngineFixture,
  createFakeProvider,
  type EngineFixture,
  endRemote,
  lane,
  lineOf,
  openBatch,
  results,
  runOf,
  size,
  submitted,
} from './engine-fixtures.ts';
import { packChunk } from './pack.ts';
import { createWorker } from './worker.ts';

const never = new AbortController().signal;
const work = ({ engine }: EngineFixture, runId: string, more: { untilSubmitted?: boolean } = {}) =>
  createWorker(engine, { runId, isAlive: (owner) => owner !== 'dead', ...more }).run(never);

const same = (count: number): NewJob[] =>
  Array.from({ length: count }, (_, i) => ({
    key: `same-${i}`,
    position: i,
    request: { lane, body: '{"q":"same"}', size },
  }));

const sent = ({ fake }: EngineFixture) => fake.remotes.flatMap(({ requests }) => requests);

/** Ends its batches with the second look. */
function quick(fixture = createEngineFixture()): EngineFixture {
  const { fake } = fixture;
  fake.on.get = (remote) => {
    endRemote(fake);
    return { ...(remote ?? (undefined as never)) };
  };
  return fixture;
}

describe('the same request in several jobs and runs', () => {
  test('is sent once; every job has the answer, and the run ends', async () => {
    const fixture = quick();
    const run = await addRun(fixture, same(1200));
    await fixture.clock.runUntil(work(fixture, run.id));
    expect(sent(fixture)).toHaveLength(1);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', reused: 1199, counts: { succeeded: 1200 } });
    expect(new Set((await results(fixture, run.id)).map((row) => row.output)).size).toBe(1);
    expect(await fixture.store.check()).toEqual([]);
  });

  test('`untilSubmitted` does not wait for those that follow', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, same(5));
    await fixture.clock.runUntil(work(fixture, run.id, { untilSubmitted: true }), 60_000);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ queued: 4, running: 1 });
  });

  test('a run whose last jobs another worker’s booking has ended is ended by its own worker', async () => {
    const fixture = createEngineFixture();
    const { clock, engine, fake } = fixture;
    const one = await addRun(fixture, same(1));
    const two = await addRun(fixture, same(2));
    const second = { ...engine, store: fixture.connect('worker-b'), owner: 'worker-b' };
    const first = work(fixture, one.id);
    await clock.advance(1_000);
    const other = createWorker(second, { runId: two.id, isAlive: () => true }).run(never);
    await clock.advance(10_000);
    expect((await runOf(fixture, two.id)).counts.queued).toBe(2);
    endRemote(fake);
    await clock.runUntil(Promise.all([first, other]), 600_000);
    expect(sent(fixture)).toHaveLength(1);
    for (const { id } of [one, two]) expect((await runOf(fixture, id)).state).toBe('ended');
  });

  test('the other run’s worker is gone: its batch is followed to its end', async () => {
    const fixture = createEngineFixture();
    const { clock, fake, store } = fixture;
    const { run: one, batch } = await submitted(fixture, 1);
    const jobs = [{ key: 'x', position: 1, request: { lane, body: '{"input":"item-1"}', size } }];
    const two = await addRun(fixture, jobs);
    const working = work(fixture, two.id);
    await clock.advance(20_000);
    endRemote(fake);
    await clock.runUntil(working, 600_000);
    expect(sent(fixture)).toHaveLength(1);
    expect(await runOf(fixture, two.id)).toMatchObject({ state: 'ended', reused: 1 });
    expect((await batchOf(fixture, batch.id)).state).toBe('collected');
    expect((await runOf(fixture, one.id)).counts.succeeded).toBe(1);
    expect(await store.check()).toEqual([]);
  });

  test('the other run’s worker died while it packed: its batch is taken apart, the request is sent once', async () => {
    const fixture = quick();
    const { clock, engine, store } = fixture;
    const one = await addRun(fixture, same(2), { state: 'open' });
    const dead = { ...engine, owner: 'dead' };
    const batch = await openBatch({ ...fixture, engine: dead }, one.id);
    await packChunk(dead, batch);
    const two = await addRun(fixture, same(1));
    await clock.runUntil(work(fixture, two.id), 600_000);
    expect(sent(fixture)).toHaveLength(1);
    expect((await runOf(fixture, two.id)).state).toBe('ended');
    expect((await batchOf(fixture, batch.id)).state).toBe('abandoned');
    // Resumed, the first run takes the answer that is there.
    await store.updateRun(one.id, { state: 'running' }, clock.now());
    await clock.runUntil(work(fixture, one.id), 600_000);
    expect(sent(fixture)).toHaveLength(1);
    expect(await runOf(fixture, one.id)).toMatchObject({ state: 'ended', reused: 2 });
    expect(await store.check()).toEqual([]);
  });

  test('the other run waits for another attempt and nobody works on it: the follower asks itself', async () => {
    const fixture = createEngineFixture();
    const { clock, fake } = fixture;
    const { run: one } = await submitted(fixture, 1, { maxAttempts: 2 });
    const two = await addRun(fixture, [{ key: 'x', position: 1, request: { lane, body: '{"input":"item-1"}', size } }]);
    let bad = true;
    fake.on.results = (remote) => {
      const outcome = { type: 'failed' as const, code: 'server_error', message: 'm', retryable: true };
      return remote.requests.map((request) => (bad ? lineOf(request, outcome) : lineOf(request)));
    };
    const working = work(fixture, two.id);
    await clock.advance(20_000);
    endRemote(fake);
    await clock.advance(20_000);
    bad = false;
    endRemote(fake);
    while (sent(fixture).length < 2) await clock.advance(5_000);
    endRemote(fake);
    await clock.runUntil(working, 600_000);
    expect(sent(fixture)).toHaveLength(2);
    expect(await runOf(fixture, two.id)).toMatchObject({ state: 'ended', reused: 0, counts: { succeeded: 1 } });
    expect((await runOf(fixture, one.id)).counts.succeeded + (await runOf(fixture, one.id)).counts.queued).toBe(1);
  });

  test('cancelled, a run waits for nobody; the run that it led goes on', async () => {
    const fixture = createEngineFixture(createFakeProvider());
    const { clock, fake, store } = fixture;
    fake.on.results = (remote) => (remote.rawStatus === 'cancelled' ? [] : remote.requests.map((row) => lineOf(row)));
    const one = await addRun(fixture, same(3));
    const first = work(fixture, one.id);
    await clock.advance(5_000);
    const two = await addRun(fixture, same(1));
    const second = { ...fixture.engine, store: fixture.connect('worker-b'), owner: 'worker-b' };
    const other = createWorker(second, { runId: two.id, isAlive: () => true }).run(never);
    await clock.advance(5_000);
    await store.updateRun(one.id, { state: 'cancelling' }, clock.now());
    await clock.runUntil(first, 600_000);
    expect(await runOf(fixture, one.id)).toMatchObject({ state: 'ended', counts: { cancelled: 3 } });
    while (sent(fixture).length < 2) await clock.advance(5_000);
    endRemote(fake);
    await clock.runUntil(other, 600_000);
    expect(await runOf(fixture, two.id)).toMatchObject({ state: 'ended', counts: { succeeded: 1 } });
    const scope = { accounts: [account] };
    expect(await store.nextDue(scope)).toBeUndefined();
  });

  test.each(['runs of their own workers', 'a service'])(
    'in another run’s batch, which is not waited for in realtime, nor past a deadline: %s',
    async (who) => {
      const fixture = createEngineFixture();
      const { clock, engine, fake } = fixture;
      const slow = await addRun(fixture, same(1));
      const stop = new AbortController();
      const follow = (runId: string) =>
        createWorker(engine, { isAlive: () => true, ...(who === 'a service' ? {} : { runId }) }).run(stop.signal);
      const working = [follow(slow.id)];
      await clock.advance(5_000);
      const late = await addRun(fixture, same(1));
      if (who !== 'a service') working.push(follow(late.id));
      await clock.advance(10_000);
      await fixture.store.updateRun(late.id, { deadlineAt: clock.now() + 100_000 }, clock.now());
      await clock.advance(30_000);
      expect(await runOf(fixture, late.id)).toMatchObject({ counts: { queued: 1 } });
      await clock.advance(60_000);
      expect(await runOf(fixture, late.id)).toMatchObject({ state: 'ended', counts: { succeeded: 1 }, reused: 0 });
      endRemote(fake);
      await clock.advance(60_000);
      expect(await runOf(fixture, slow.id)).toMatchObject({ state: 'ended', counts: { succeeded: 1 } });
      stop.abort();
      await clock.runUntil(Promise.all(working), 60_000);
      expect(fake.calls.filter((call) => call === 'call')).toHaveLength(1);
      expect(await fixture.store.check()).toEqual([]);
    },
  );

  test('the other run’s next attempt waits for money, under a service: the follower asks itself', async () => {
    const fixture = createEngineFixture();
    const { clock, fake, engine } = fixture;
    // The answer that nobody could read may have been charged: what it held is held for good.
    const unreadable = { type: 'failed' as const, code: 'malformed', message: 'm', retryable: true };
    fake.on.results = (remote) => remote.requests.map((request) => lineOf(request, unreadable));
    const one = await addRun(fixture, same(1), { budgetNanoUsd: 150_000 });
    const stop = new AbortController();
    const working = createWorker(engine, { isAlive: () => true }).run(stop.signal);
    await clock.advance(5_000);
    const two = await addRun(fixture, same(2));
    await clock.advance(5_000);
    endRemote(fake);
    while (!(await runOf(fixture, one.id)).isOverBudget) await clock.advance(5_000);
    delete fake.on.results;
    await clock.advance(30_000);
    endRemote(fake);
    await clock.advance(60_000);
    expect(await runOf(fixture, two.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2 }, reused: 1 });
    expect((await runOf(fixture, one.id)).counts).toMatchObject({ queued: 1 });
    stop.abort();
    await clock.runUntil(working, 60_000);
    expect(sent(fixture)).toHaveLength(2);
  });
});
