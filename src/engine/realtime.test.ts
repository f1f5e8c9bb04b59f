import { describe, expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import type { Outcome } from '../outcome.ts';
import {
  account,
  addRun,
  createEngineFixture,
  type EngineFixture,
  good,
  results,
  runOf,
  spyStore,
} from './engine-fixtures.ts';
import { createWorker } from './worker.ts';

const alive = () => true;
const never = new AbortController().signal;
const work = (fixture: EngineFixture, runId: string, signal = never) =>
  fixture.clock.runUntil(createWorker(fixture.engine, { runId, isAlive: alive }).run(signal));
const realtime = { lane: { mode: 'realtime' as const }, mode: 'realtime' as const };

async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe('realtime', () => {
  test('every job once, never more at once than the run allows', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    let inFlight = 0;
    let most = 0;
    fake.on.call = async (body) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await clock.sleep(1_000);
      inFlight -= 1;
      return good(body);
    };
    const run = await addRun(fixture, 40, { ...realtime, concurrency: 7 });
    await work(fixture, run.id);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 40 } });
    expect(most).toBe(7);
    expect(fake.calls).toHaveLength(40);
    expect((await results(fixture, run.id)).every((row) => row.output === `{"input":"${row.key}"}`)).toBe(true);
  });

  test('too many calls: the lane rests as long as asked, and no attempt is used up', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const times: number[] = [];
    const start = clock.now();
    fake.on.call = async (body) => {
      times.push(clock.now() - start);
      const throttled: Outcome = {
        type: 'failed',
        code: 'rate_limited',
        message: 'slow',
        retryable: true,
        retryAfterMs: 20_000,
      };
      return times.length <= 3 ? throttled : good(body);
    };
    const run = await addRun(fixture, 3, { ...realtime, maxAttempts: 1, concurrency: 1 });
    await work(fixture, run.id);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(3);
    expect(times.slice(0, 4).map((at, i, all) => at - (all[i - 1] ?? 0) >= (i === 0 ? 0 : 20_000))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect((await results(fixture, run.id)).map((row) => row.attempts)).toEqual([1, 1, 1]);
  });

  test('a lane that fell back goes one after another, with a pause', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const times: number[] = [];
    fake.on.call = async (body) => {
      times.push(clock.now());
      return good(body);
    };
    const run = await addRun(fixture, 4, { lane: { mode: 'sequential' } });
    await work(fixture, run.id);
    for (const [i, at] of times.entries()) if (i > 0) expect(at - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(500);
    expect(times).toHaveLength(4);
  });

  test('one after another only as long as the deadline allows: then as many at once as the run may', async () => {
    for (const [seconds, calls] of [
      // 10 calls at 5.5 s and half a minute to spare: in time, as long as a call takes no longer than that.
      [100, { ms: 5_000, atOnce: 1 }],
      [100, { ms: 18_000, atOnce: 5 }],
      [60, { ms: 5_000, atOnce: 5 }],
      [-60, { ms: 5_000, atOnce: 5 }],
      [undefined, { ms: 18_000, atOnce: 1 }],
    ] as const) {
      const fixture = createEngineFixture();
      const { fake, clock } = fixture;
      let inFlight = 0;
      let most = 0;
      fake.on.call = async (body) => {
        inFlight += 1;
        most = Math.max(most, inFlight);
        await clock.sleep(calls.ms);
        inFlight -= 1;
        return good(body);
      };
      const deadline = seconds === undefined ? {} : { deadlineAt: clock.now() + seconds * 1_000 };
      const run = await addRun(fixture, 10, { lane: { mode: 'sequential' }, concurrency: 5, ...deadline });
      await work(fixture, run.id);
      const after = await runOf(fixture, run.id);
      const told = `${seconds} s, calls of ${calls.ms} ms`;
      expect(most, told).toBe(calls.atOnce);
      expect(after.counts.succeeded, told).toBe(10);
      if (deadline.deadlineAt !== undefined && seconds !== -60) expect(after.endedAt).toBeLessThan(deadline.deadlineAt);
      expect(after.note?.includes('up to 5 at once'), told).toBe(calls.atOnce === 5 ? true : undefined);
    }
  });

  test('in haste after a fall-back, the note still says why the full price is paid', async () => {
    // A pause so long that one after another would take more than the three hours.
    const fixture = createEngineFixture(undefined, { sequentialPauseMs: 600_000 });
    const { fake, clock, events } = fixture;
    fake.on.upload = () => {
      throw new OffpeakError('404', { code: 'batch_unavailable' });
    };
    const run = await addRun(fixture, 20, { deadlineAt: clock.now() + 3 * 3_600_000 });
    await work(fixture, run.id);
    const { note, endedAt = 0, createdAt } = await runOf(fixture, run.id);
    expect(note).toMatch(
      /^openai has no batch API here .* at the full price; now up to 5 at once, to be done by .* UTC$/,
    );
    expect(endedAt - createdAt).toBeLessThan(3 * 3_600_000);
    expect(events.filter((event) => event.type === 'note' && event.message === note)).toHaveLength(1);
  });

  test('a provider whose batch address is a 404 ends the run in realtime, with a note', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.upload = () => {
      throw new OffpeakError('404', { code: 'batch_unavailable' });
    };
    const run = await addRun(fixture, 3);
    await work(fixture, run.id);
    const after = await runOf(fixture, run.id);
    expect(after).toMatchObject({
      state: 'ended',
      counts: { succeeded: 3 },
      note: expect.stringContaining('realtime'),
    });
    expect(fixture.fake.remotes).toEqual([]);
    expect((await results(fixture, run.id)).map((row) => row.attempts)).toEqual([1, 1, 1]);
  });

  test.each([
    [{}, { succeeded: 3 }],
    [{ mode: 'batch' }, undefined],
  ] as const)(
    'a model that is refused in batches only is asked in realtime, unless the run says batch: %o',
    async (options, counts) => {
      const fixture = createEngineFixture();
      const errors = [{ code: 'invalid_request', message: 'Model m is not supported for batch processing.' }];
      fixture.fake.on.get = (remote) => {
        if (!remote) throw new Error('nothing was created');
        return Object.assign(remote, {
          phase: 'refused',
          rawStatus: 'failed',
          refusal: 'not_batched',
          errors,
        } as const);
      };
      const run = await addRun(fixture, 3, options);
      if (!counts) {
        await expect(work(fixture, run.id)).rejects.toMatchObject({
          code: 'config',
          message: expect.stringMatching(/not supported for batch/),
        });
        expect((await results(fixture, run.id)).map((row) => row.state)).toEqual(['pending', 'pending', 'pending']);
        return;
      }
      await work(fixture, run.id);
      const after = await runOf(fixture, run.id);
      expect(after).toMatchObject({
        state: 'ended',
        counts,
        note: expect.stringContaining('Model m is not supported'),
      });
      expect((await results(fixture, run.id)).map((row) => row.attempts)).toEqual([1, 1, 1]);
      expect(fixture.fake.remotes).toHaveLength(1);
    },
  );

  test.each([
    ['unavailable', 4],
    ['rate_limited', 4],
  ] as const)('nobody answers (%s) when its address is tried: that is waited out', async (code, faults) => {
    const fixture = createEngineFixture(undefined, { maxUnavailable: 5 });
    const { fake } = fixture;
    fake.on.upload = () => {
      throw new OffpeakError('404', { code: 'batch_unavailable' });
    };
    let checks = 0;
    fake.provider.check = async () => {
      checks += 1;
      if (checks <= faults) throw new OffpeakError('nobody is there', { code, retryable: true });
      return { address: 'http://fake', detail: 'fake' };
    };
    const run = await addRun(fixture, 2);
    await work(fixture, run.id);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2 } });
    expect(checks).toBe(faults + 1);
  });

  test.each([
    ['not_found', 'config'],
    ['bad_answer', 'config'],
    ['rejected', 'config'],
    ['internal', 'config'],
    ['auth', 'auth'],
  ] as const)('an address that answers otherwise (%s) ends the run as %s; no call is made', async (code, told) => {
    const fixture = createEngineFixture();
    const { fake } = fixture;
    fake.on.upload = () => {
      throw new OffpeakError('404', { code: 'batch_unavailable' });
    };
    fake.provider.check = async () => {
      throw new OffpeakError('no', { code });
    };
    const run = await addRun(fixture, 2);
    await expect(work(fixture, run.id)).rejects.toMatchObject({ code: told });
    // Whoever mends it and starts the run again waits for nothing.
    const [batch] = await fixture.store.listBatches({ runId: run.id });
    expect(batch?.nextAt).toBeLessThanOrEqual(fixture.clock.now());
    expect(fake.calls).toEqual(['upload']);
  });

  test('a run that was asked for in batches is not sent in realtime: a 404 ends it, and it stays packed', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.upload = () => {
      throw new OffpeakError('404', { code: 'batch_unavailable' });
    };
    const run = await addRun(fixture, 3, { mode: 'batch' });
    await expect(work(fixture, run.id)).rejects.toMatchObject({ code: 'config' });
    expect(fixture.fake.calls).toEqual(['upload']);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ packed: 3 });
    expect(await fixture.store.listBatches()).toMatchObject([{ state: 'packed' }]);
  });

  test('a store that is locked for a moment: the paid answer is kept until it can be booked', async () => {
    const fixture = createEngineFixture();
    let locked = 3;
    const store = spyStore(fixture.store, (method) => {
      if (method === 'book' && locked-- > 0) {
        throw new OffpeakError('locked', { code: 'store_locked', retryable: true });
      }
    });
    const run = await addRun(fixture, 1, realtime);
    const worker = createWorker({ ...fixture.engine, store }, { runId: run.id, isAlive: alive });
    await fixture.clock.runUntil(worker.run(never));
    expect(fixture.fake.calls).toEqual(['call']);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 1 } });
    expect((await results(fixture, run.id))[0]).toMatchObject({ attempts: 1 });
  });

  test('a bad key ends it; the job goes back and loses no attempt', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.call = async () => {
      throw new OffpeakError('the key was refused', { code: 'auth' });
    };
    const run = await addRun(fixture, 3, { ...realtime, concurrency: 1 });
    await expect(work(fixture, run.id)).rejects.toMatchObject({ code: 'auth' });
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ queued: 3, running: 0 });
    expect((await results(fixture, run.id)).map((row) => row.attempts)).toEqual([0, 0, 0]);
    expect(fixture.fake.calls).toHaveLength(1);
  });

  test('an outage is waited out; it costs no attempt', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const back = clock.now() + 600_000;
    fake.on.call = async (body) => {
      if (clock.now() < back) throw new OffpeakError('refused', { code: 'unavailable' });
      return good(body);
    };
    const run = await addRun(fixture, 20, { ...realtime, maxAttempts: 1 });
    await work(fixture, run.id);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(20);
    // Ten minutes at a pause of up to a minute, five calls at a time.
    expect(fake.calls.length).toBeLessThan(20 + 5 * 25);
  });

  test('a call that fails by itself is tried again and then given up', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.call = async () => ({ type: 'failed', code: 'timeout', message: 'no answer', retryable: true });
    const run = await addRun(fixture, 2, { ...realtime, maxAttempts: 3 });
    await work(fixture, run.id);
    expect((await runOf(fixture, run.id)).counts.failed).toBe(2);
    expect(fixture.fake.calls).toHaveLength(6);
    expect((await results(fixture, run.id))[0]).toMatchObject({ attempts: 3, errorCode: 'timeout' });
  });

  test('stopped, it lets the calls under way end, which are paid', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    fake.on.call = async (body) => {
      await clock.sleep(3_000);
      return good(body);
    };
    const run = await addRun(fixture, 20, { ...realtime, concurrency: 4 });
    const stop = new AbortController();
    const running = createWorker(fixture.engine, { runId: run.id, isAlive: alive }).run(stop.signal);
    await clock.advance(1_000);
    stop.abort();
    await clock.runUntil(running, 10_000);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ succeeded: 4, running: 0, queued: 16 });
    await fixture.store.claimBatch({ accounts: [account] }, { owner: 'x', now: clock.now(), leaseMs: 1 });
    expect((await fixture.store.listOwners()).filter((owner) => owner === 'worker-b')).toEqual([]);
  });

  test('calls that do not end are broken off after the grace period, and their jobs go back; they may have been paid', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    fake.on.call = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new OffpeakError('aborted', { code: 'aborted' })));
      });
    const run = await addRun(fixture, 3, realtime);
    const stop = new AbortController();
    const running = createWorker(fixture.engine, { runId: run.id, isAlive: alive }).run(stop.signal);
    await clock.advance(1_000);
    stop.abort();
    await clock.runUntil(running, 10_000);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ queued: 3, running: 0 });
    expect((await results(fixture, run.id)).map((row) => row.attempts)).toEqual([1, 1, 1]);
    expect(clock.sleeping).toBe(0);
  });

  test('a long call keeps its lease: another worker does not start it again', async () => {
    const fixture = createEngineFixture();
    const { fake, clock, engine } = fixture;
    fake.on.call = async (body) => {
      await clock.sleep(300_000);
      return good(body);
    };
    const run = await addRun(fixture, 2, { ...realtime, timeoutMs: 600_000 });
    const second = { ...engine, store: fixture.connect('worker-b'), owner: 'worker-b' };
    const workers = [engine, second].map((each) => createWorker(each, { runId: run.id, isAlive: alive }).run(never));
    await clock.runUntil(Promise.all(workers));
    expect(fake.calls).toHaveLength(2);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(2);
  });

  test('after a suspend its own calls are still its own: none is made again', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const release: (() => void)[] = [];
    fake.on.call = async (body) => {
      await new Promise<void>((resolve) => release.push(resolve));
      return good(body);
    };
    const run = await addRun(fixture, 3, realtime);
    const running = createWorker(fixture.engine, { runId: run.id, isAlive: alive }).run(never);
    await clock.advance(2_000);
    clock.jump(300_000);
    await clock.advance(20_000);
    expect(release).toHaveLength(3);
    for (const answer of release) answer();
    await clock.runUntil(running);
    expect(fake.calls).toHaveLength(3);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 3 } });
    expect((await results(fixture, run.id)).map((row) => row.attempts)).toEqual([1, 1, 1]);
  });

  test('cancelled in the middle: nothing new is started, what comes back is kept', async () => {
    const fixture = createEngineFixture();
    const { fake, clock, store } = fixture;
    fake.on.call = async (body) => {
      await clock.sleep(3_000);
      return good(body);
    };
    const run = await addRun(fixture, 20, { ...realtime, concurrency: 4 });
    const running = createWorker(fixture.engine, { runId: run.id, isAlive: alive }).run(never);
    await clock.advance(1_000);
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    await clock.runUntil(running);
    await turns();
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 4, cancelled: 16 } });
    expect(fake.calls).toHaveLength(4);
  });
});
