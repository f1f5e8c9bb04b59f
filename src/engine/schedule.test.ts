import { describe, expect, test } from 'vitest';
import type { Batch } from '../batch.ts';
import { OffpeakError } from '../errors.ts';
import type { EnqueuedLimit } from '../provider.ts';
import {
  account,
  addRun,
  createEngineFixture,
  createFakeProvider,
  type EngineFixture,
  endRemote,
  type FakeRemote,
  lane,
  newJobs,
  runOf,
} from './engine-fixtures.ts';
import { createWorker } from './worker.ts';

const hour = 3_600_000;
const never = new AbortController().signal;
const work = ({ engine }: EngineFixture, runId: string, signal = never) =>
  createWorker(engine, { runId, isAlive: () => true }).run(signal);

const inRequests: EnqueuedLimit = { unit: 'requests', scope: 'account' };
const running = ({ fake }: EngineFixture) => fake.remotes.filter((remote) => remote.phase === 'running');
const requestsIn = (remotes: readonly FakeRemote[]) => remotes.reduce((sum, { requests }) => sum + requests.length, 0);
const creates = ({ fake }: EngineFixture) => fake.calls.filter((call) => call === 'create').length;

/** A provider that takes so many requests at once, and ends a batch a minute after it was made. */
function withRoom(most: number, options: { enqueued?: EnqueuedLimit; named?: boolean; throws?: boolean } = {}) {
  const { enqueued = inRequests, named = false, throws = false } = options;
  const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 16, enqueued } }));
  const { fake, clock } = fixture;
  const madeAt = new Map<string, number>();
  let peak = 0;
  let refusals = 0;
  fake.on.create = (make) => {
    const remote = make();
    const enqueuedNow = requestsIn(running(fixture));
    if (enqueuedNow <= most) {
      peak = Math.max(peak, enqueuedNow);
      madeAt.set(remote.remoteId, clock.now());
      return remote;
    }
    refusals += 1;
    if (throws) {
      fake.remotes.shift();
      throw new OffpeakError('the queue is full', { code: 'no_room', retryable: true });
    }
    const refusal = {
      phase: 'refused' as const,
      rawStatus: 'failed',
      refusal: 'no_room' as const,
      errors: [{ code: 'token_limit_exceeded', message: 'the queue is full' }],
      ...(named ? { limit: most } : {}),
    };
    Object.assign(fake.remotes[0] ?? {}, refusal);
    return { ...remote, phase: 'running' };
  };
  fake.on.get = (remote) => {
    if (!remote) throw new OffpeakError('no such batch', { code: 'not_found' });
    if (remote.phase === 'running' && clock.now() >= (madeAt.get(remote.remoteId) ?? 0) + 60_000) {
      Object.assign(remote, { phase: 'ended', rawStatus: 'completed' });
    }
    return { ...remote };
  };
  return { fixture, peak: () => peak, refusals: () => refusals };
}

describe('room at the provider', () => {
  test.each([
    ['named, said by the batch', { named: true }, 3],
    ['not named, said by the batch', {}, 12],
    ['not named, said by the create', { throws: true }, 12],
  ] as const)('a limit that is %s: all is sent by and by, with few refusals', async (_, options, most) => {
    const { fixture, peak, refusals } = withRoom(5, options);
    const run = await addRun(fixture, 20);
    await fixture.clock.runUntil(work(fixture, run.id));
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 20 } });
    expect(peak()).toBeLessThanOrEqual(5);
    expect(refusals()).toBeLessThanOrEqual(most);
    const learned = await fixture.store.getLimit(account, '*');
    expect(learned?.limit).toBeLessThanOrEqual(5);
    const accepted = fixture.fake.remotes.filter((remote) => remote.phase === 'ended');
    expect(requestsIn(accepted)).toBe(20);
    expect(await fixture.store.check()).toEqual([]);
  });

  test('it shrinks to a single request; one that finds no room even so fails with the reason', async () => {
    const { fixture } = withRoom(1);
    const run = await addRun(fixture, 6);
    await fixture.clock.runUntil(work(fixture, run.id));
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(6);
    const none = withRoom(0, { named: true }).fixture;
    const lost = await addRun(none, 2);
    await none.clock.runUntil(work(none, lost.id));
    expect((await runOf(none, lost.id)).counts).toMatchObject({ failed: 2 });
    // Not named: somebody else's work may be what fills the account, for hours.
    const unnamed = withRoom(0, { throws: true }).fixture;
    const waiting = await addRun(unnamed, 2);
    const stop = new AbortController();
    const working = work(unnamed, waiting.id, stop.signal);
    await unnamed.clock.advance(3_600_000);
    stop.abort();
    await working;
    expect((await runOf(unnamed, waiting.id)).counts.failed).toBe(0);
    expect(creates(unnamed)).toBeLessThan(150);
  });

  test('what is known before is not asked for: in tokens, by model, by the adapter’s own word', async () => {
    const enqueued: EnqueuedLimit = { unit: 'tokens', scope: 'model', most: 100 };
    // Ten tokens a request: ten requests of a model at once.
    const { fixture, peak, refusals } = withRoom(20, { enqueued });
    const jobs = [...newJobs(15), ...newJobs(15, { ...lane, model: 'gpt-5' }, 'other')];
    const run = await addRun(fixture, jobs);
    await fixture.clock.runUntil(work(fixture, run.id));
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(30);
    expect(refusals()).toBe(0);
    expect(peak()).toBeGreaterThan(10);
    expect(peak()).toBeLessThanOrEqual(20);
  });

  test('a learned limit is doubted after a day, and learned anew', async () => {
    const { fixture, refusals } = withRoom(16);
    const { clock, store } = fixture;
    await store.learnLimit(account, '*', 4, clock.now());
    const small = await addRun(fixture, 16);
    await clock.runUntil(work(fixture, small.id));
    expect(fixture.fake.remotes).toHaveLength(4);
    await clock.advance(25 * hour);
    const large = await addRun(fixture, newJobs(16, lane, 'again'));
    await clock.runUntil(work(fixture, large.id));
    expect(fixture.fake.remotes).toHaveLength(5);
    expect(refusals()).toBe(0);
  });

  test('several workers on a full account: never more than it takes, nobody starves', async () => {
    const { fixture, peak } = withRoom(6, { named: true });
    const { engine, clock, store } = fixture;
    await store.learnLimit(account, '*', 6, clock.now());
    const runs = [];
    for (let i = 0; i < 4; i++) runs.push(await addRun(fixture, newJobs(9, lane, `run${i}`)));
    const workers = runs.map((run, i) => {
      const own = i === 0 ? engine : { ...engine, store: fixture.connect(`worker-${i}`), owner: `worker-${i}` };
      return createWorker(own, { runId: run.id, isAlive: () => true }).run(never);
    });
    await clock.runUntil(Promise.all(workers));
    expect(peak()).toBeLessThanOrEqual(6);
    for (const run of runs) expect((await runOf(fixture, run.id)).counts.succeeded).toBe(9);
  });

  test('a full account for an hour: few creates, no spinning', async () => {
    for (const [throws, ms] of [
      [true, hour / 4],
      [false, hour],
    ] as const) {
      const { fixture } = withRoom(0, { throws });
      const { clock, store, fake } = fixture;
      // Somebody else's batches fill the account; ours beside them, so that waiting makes sense.
      const other = await addRun(fixture, newJobs(1, lane, 'other'));
      fake.on.create = (
        (refuse) => (make) =>
          creates(fixture) === 1 ? make() : (refuse?.(make) ?? make())
      )(fake.on.create);
      fake.on.get = (remote) => ({ ...(remote ?? (undefined as never)) });
      const stop = new AbortController();
      const first = work(fixture, other.id, stop.signal);
      await clock.advance(5_000);
      const run = await addRun(fixture, newJobs(40, lane, `full${throws}`));
      const second = work(fixture, run.id, stop.signal);
      const sleeps = clock.sleeps.length;
      await clock.advance(ms);
      expect(creates(fixture), 'creates').toBeLessThan(150);
      expect(clock.sleeps.length - sleeps, 'turns of two workers').toBeLessThan(4 * 3_600);
      expect((await runOf(fixture, run.id)).counts).toMatchObject({ failed: 0, cancelled: 0 });
      stop.abort();
      endRemote(fake);
      await clock.runUntil(Promise.all([first, second]));
      expect(await store.check()).toEqual([]);
    }
  });

  test('asked too often: the whole account rests, and alone there it learns no limit from that', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 8, enqueued: inRequests } }));
    const { fake, clock, store } = fixture;
    const at: number[] = [];
    fake.on.create = (make) => {
      at.push(clock.now());
      if (at.length <= 5)
        throw new OffpeakError('429', { code: 'rate_limited', retryable: true, retryAfterMs: 20_000 });
      return make();
    };
    fake.on.get = (remote) => {
      endRemote(fake);
      return { ...(remote ?? (undefined as never)) };
    };
    const run = await addRun(fixture, 8);
    await clock.runUntil(work(fixture, run.id));
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(8);
    for (let i = 1; i < 4; i++) expect((at[i] ?? 0) - (at[i - 1] ?? 0)).toBeGreaterThanOrEqual(20_000);
    expect(await store.getLimit(account, '*')).toBeUndefined();
    expect(fake.remotes).toHaveLength(1);
  });

  test('a new batch of an account that rests is not created before the rest is over', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const at: number[] = [];
    fake.on.create = (make) => {
      at.push(clock.now());
      if (at.length === 1)
        throw new OffpeakError('429', { code: 'rate_limited', retryable: true, retryAfterMs: 60_000 });
      return make();
    };
    const stop = new AbortController();
    const one = await addRun(fixture, newJobs(1, lane, 'one'));
    const working = [work(fixture, one.id, stop.signal)];
    while (at.length === 0) await clock.advance(1_000);
    const two = await addRun(fixture, newJobs(1, lane, 'two'));
    working.push(work(fixture, two.id, stop.signal));
    await clock.advance(50_000);
    expect(at).toHaveLength(1);
    await clock.advance(30_000);
    expect(at).toHaveLength(3);
    stop.abort();
    await clock.runUntil(Promise.all(working));
    const open: Batch[] = await fixture.store.listBatches({ openOnly: true });
    expect(open.map(({ state }) => state)).toEqual(['in_progress', 'in_progress']);
  });
});
