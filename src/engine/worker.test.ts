import { describe, expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import { advance } from './advance.ts';
import {
  account,
  addRun,
  createEngineFixture,
  createFakeProvider,
  type EngineFixture,
  endRemote,
  good,
  newJobs,
  openBatch,
  results,
  runOf,
  submitted,
} from './engine-fixtures.ts';
import { createWorker } from './worker.ts';

const alive = () => true;
const never = new AbortController().signal;
const work = (fixture: EngineFixture, runId: string, signal = never) =>
  fixture.clock.runUntil(createWorker(fixture.engine, { runId, isAlive: alive }).run(signal));
const realtime = { lane: { mode: 'realtime' as const }, mode: 'realtime' as const };

describe('a worker on a batch run', () => {
  test('takes it from the queue to its end, and ends the run', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    fake.on.get = (remote) => {
      if (remote && clock.now() > start + 3_600_000) endRemote(fake);
      return remote ? { ...remote } : (never as never);
    };
    const start = clock.now();
    const run = await addRun(fixture, 250);
    await work(fixture, run.id);
    const after = await runOf(fixture, run.id);
    expect(after).toMatchObject({ state: 'ended', counts: { succeeded: 250 } });
    expect(fake.remotes.map((remote) => remote.requests.length).sort()).toEqual([100, 100, 50]);
    expect(fake.calls.filter((call) => call === 'create')).toHaveLength(3);
    expect(await fixture.store.check()).toEqual([]);
    expect(clock.sleeping).toBe(0);
  });

  test('sends what failed again, until the attempts are used up', async () => {
    const fixture = createEngineFixture();
    const { fake } = fixture;
    fake.on.get = (remote) => {
      endRemote(fake);
      return remote ? { ...remote } : (never as never);
    };
    fake.on.results = (remote) =>
      remote.requests.map(({ customId, body }) => ({
        customId,
        raw: '',
        outcome: body.includes('item-1"')
          ? { type: 'failed', code: 'server_error', message: 'm', retryable: true }
          : good('x'),
      }));
    const run = await addRun(fixture, 3, { maxAttempts: 3 });
    await work(fixture, run.id);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2, failed: 1 } });
    expect(fake.remotes.map((remote) => remote.requests.length)).toEqual([1, 1, 3]);
    expect((await results(fixture, run.id))[0]).toMatchObject({ attempts: 3, errorCode: 'server_error' });
  });

  test('`untilSubmitted` ends once everything is with the provider, and leaves no lease', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, 150);
    const worker = createWorker(fixture.engine, { runId: run.id, isAlive: alive, untilSubmitted: true });
    await fixture.clock.runUntil(worker.run(never));
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ running: 150 });
    expect(fixture.fake.remotes).toHaveLength(2);
    const batches = await fixture.store.listBatches();
    expect(batches.map((batch) => batch.state)).toEqual(['in_progress', 'in_progress']);
  });

  test('`untilSubmitted` after a crash that left accepted jobs unmarked: ends with the next poll', async () => {
    const fixture = createEngineFixture();
    const { engine, store, clock } = fixture;
    const run = await addRun(fixture, 3);
    const crashpoint = (name: string) => {
      if (name === 'C11') throw new Error('killed');
    };
    const batch = await openBatch(fixture, run.id);
    await expect(advance({ ...engine, crashpoint }, batch, never)).rejects.toThrow('killed');
    await store.releaseOwner('worker-a', clock.now());
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ packed: 3, running: 0 });
    const worker = createWorker(engine, { runId: run.id, isAlive: alive, untilSubmitted: true });
    await clock.runUntil(worker.run(never), 10_000);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ packed: 0, running: 3 });
    expect(fixture.fake.calls.filter((call) => call !== 'upload')).toEqual(['create', 'get']);
  });

  test('a clock that is set back by two days: its batch is polled on', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const { run } = await submitted(fixture, 1);
    clock.jump(-2 * 86_400_000);
    const running = createWorker(fixture.engine, { runId: run.id, isAlive: alive }).run(never);
    await clock.advance(60_000);
    expect(fake.calls).toContain('get');
    endRemote(fake);
    await clock.runUntil(running, 3_600_000);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 1 } });
  });

  test('a stop while batches are due claims none of them again: what is given back would be due at once', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 1 } }));
    const { fake, clock, store } = fixture;
    const run = await addRun(fixture, 3);
    const submitting = createWorker(fixture.engine, { runId: run.id, isAlive: alive, untilSubmitted: true });
    await clock.runUntil(submitting.run(never));
    await clock.advance(3_600_000);
    const stop = new AbortController();
    fake.on.get = (remote) => {
      stop.abort();
      return remote ? { ...remote } : (never as never);
    };
    let claims = 0;
    // As a store in a thread: while it is asked, what is under way comes to its end.
    const claimBatch: typeof store.claimBatch = async (...input) => {
      claims += 1;
      if (claims > 50) throw new Error('it claims what it has just given back');
      const batch = await store.claimBatch(...input);
      for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setImmediate(resolve));
      return batch;
    };
    const engine = { ...fixture.engine, store: { ...store, claimBatch } };
    await clock.runUntil(createWorker(engine, { runId: run.id, isAlive: alive }).run(stop.signal));
    expect(claims).toBeLessThanOrEqual(3);
  });

  test('at most `maxBatches` are moved at the same time', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 1 } }));
    const { fake, clock, engine } = fixture;
    let uploading = 0;
    let most = 0;
    fake.on.upload = async () => {
      uploading += 1;
      most = Math.max(most, uploading);
      await clock.sleep(5_000);
      uploading -= 1;
    };
    const run = await addRun(fixture, 12);
    const worker = createWorker(engine, { runId: run.id, isAlive: alive, untilSubmitted: true, maxBatches: 3 });
    await clock.runUntil(worker.run(never));
    expect(fake.remotes).toHaveLength(12);
    expect(most).toBeLessThanOrEqual(3);
  });

  test('a bad key ends it with the reason; nothing stays leased', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.upload = () => {
      throw new OffpeakError('the key was refused', { code: 'auth' });
    };
    const run = await addRun(fixture, 2);
    await expect(work(fixture, run.id)).rejects.toMatchObject({ code: 'auth' });
    expect((await runOf(fixture, run.id)).state).toBe('running');
    const owner = { owner: 'worker-b', now: fixture.clock.now(), leaseMs: 1 };
    expect(await fixture.store.claimBatch({ accounts: [account] }, owner)).toMatchObject({ state: 'packed' });
  });

  test('nobody at the provider: given up after so many tries in a row', async () => {
    const fixture = createEngineFixture(createFakeProvider(), { maxUnavailable: 4 });
    fixture.fake.on.upload = () => {
      throw new OffpeakError('connection refused', { code: 'unavailable' });
    };
    const run = await addRun(fixture, 2);
    await expect(work(fixture, run.id)).rejects.toMatchObject({ code: 'unavailable' });
    expect(fixture.fake.calls.filter((call) => call === 'upload')).toHaveLength(4);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ packed: 2 });
  });

  test('stopped while it polls, it ends at once and leaves no lease', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, 2);
    const stop = new AbortController();
    const running = createWorker(fixture.engine, { runId: run.id, isAlive: alive }).run(stop.signal);
    await fixture.clock.advance(60_000);
    stop.abort();
    await fixture.clock.runUntil(running, 1_000);
    expect(fixture.clock.sleeping).toBe(0);
    const owner = { owner: 'worker-b', now: fixture.clock.now() + 600_000, leaseMs: 1 };
    expect(await fixture.store.claimBatch({ accounts: [account] }, owner)).toMatchObject({ state: 'in_progress' });
  });

  test('aborted before it began, it does nothing', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, 2);
    await work(fixture, run.id, AbortSignal.abort());
    expect(fixture.fake.calls).toEqual([]);
  });

  test('two workers on one store: every job sent once, both come to the end', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 10 } }));
    const { fake, clock, engine } = fixture;
    fake.on.get = (remote) => {
      endRemote(fake);
      return remote ? { ...remote } : (never as never);
    };
    const run = await addRun(fixture, 200);
    const second = { ...engine, store: fixture.connect('worker-b'), owner: 'worker-b' };
    const workers = [engine, second].map((each) => createWorker(each, { runId: run.id, isAlive: alive }).run(never));
    await clock.runUntil(Promise.all(workers));
    const sent = fake.remotes.flatMap((remote) => remote.requests.map((request) => request.body));
    expect(sent).toHaveLength(200);
    expect(new Set(sent).size).toBe(200);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 200 } });
    expect(await fixture.store.check()).toEqual([]);
  });

  test('a worker that died is replaced once its leases have lapsed', async () => {
    const fixture = createEngineFixture();
    const { fake, clock, store } = fixture;
    fake.on.get = (remote) => {
      endRemote(fake);
      return remote ? { ...remote } : (never as never);
    };
    const run = await addRun(fixture, 3);
    const [lane] = await store.findLanes({ accounts: [account] }, clock.now());
    await store.openBatch(lane?.id ?? 0, 'deadabc234', { owner: 'dead', now: clock.now(), leaseMs: 30_000 });
    await store.claimJobs(lane?.id ?? 0, 1, { owner: 'dead', now: clock.now(), leaseMs: 30_000 });
    const began = clock.now();
    await work(fixture, run.id);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 3 } });
    expect(clock.now() - began).toBeLessThan(120_000);
  });

  test('a dead process of this machine is replaced at once', async () => {
    const fixture = createEngineFixture();
    const { clock, store, engine } = fixture;
    const run = await addRun(fixture, 1, realtime);
    const [lane] = await store.findLanes({ accounts: [account] }, clock.now());
    await store.claimJobs(lane?.id ?? 0, 1, { owner: 'dead#3', now: clock.now(), leaseMs: 3_600_000 });
    // Whether a process runs is asked, whichever of its workers it was.
    const worker = createWorker(engine, { runId: run.id, isAlive: (owner) => owner !== 'dead' });
    await clock.runUntil(worker.run(never), 60_000);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(1);
  });

  test('a cancelled run: queued jobs are dropped, the batch is stopped, the run ends', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 2 } }));
    const { store, clock } = fixture;
    fixture.fake.on.results = () => [];
    const run = await addRun(fixture, 4, { state: 'open' });
    const running = createWorker(fixture.engine, { runId: run.id, isAlive: alive }).run(never);
    await clock.advance(30_000);
    await store.addJobs(run.id, newJobs(3, undefined, 'late'), { now: clock.now(), reuse: false, reopen: false });
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    await clock.runUntil(running);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { cancelled: 7, queued: 0 } });
  });
});

describe('a worker on everything', () => {
  test('ends the runs whose jobs have all ended', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, 2, realtime);
    const stop = new AbortController();
    const running = createWorker(fixture.engine, { isAlive: alive }).run(stop.signal);
    await fixture.clock.advance(30_000);
    stop.abort();
    await fixture.clock.runUntil(running);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2 } });
  });

  test('makes no calls for a run that is being cancelled', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, 5, { ...realtime, state: 'cancelling' });
    const stop = new AbortController();
    const running = createWorker(fixture.engine, { isAlive: alive }).run(stop.signal);
    await fixture.clock.advance(10_000);
    stop.abort();
    await fixture.clock.runUntil(running);
    expect(fixture.fake.calls).toEqual([]);
    expect((await runOf(fixture, run.id)).counts.cancelled).toBe(5);
  });
});
