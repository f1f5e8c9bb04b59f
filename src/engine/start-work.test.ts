import { describe, expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import type { Recipe } from '../recipe.ts';
import {
  acceptAll,
  account,
  addRun,
  createEngineFixture,
  createFakeProvider,
  type EngineFixture,
  endRemote,
  good,
  lane,
  lineOf,
  newJobs,
  results,
  runOf,
} from './engine-fixtures.ts';
import { createWorkerState, startWork } from './start-work.ts';
import { createWorker } from './worker.ts';

const never = new AbortController().signal;
const work = ({ engine }: EngineFixture, runId: string) =>
  createWorker(engine, { runId, isAlive: () => true }).run(never);
const realtime = { lane: { mode: 'realtime' as const }, mode: 'realtime' as const };

/** Every batch has ended when it is looked at. */
function endAtOnce({ fake }: EngineFixture): void {
  fake.on.get = (remote) => {
    endRemote(fake);
    return { ...(remote ?? (undefined as never)) };
  };
}

describe('an account whose key or money is at an end', () => {
  /** Two accounts; the second one is refused until it is mended. */
  function twoAccounts(code: 'auth' | 'quota') {
    const other = 'fake:account-2';
    const broken = createFakeProvider();
    const fixture = createEngineFixture();
    endAtOnce(fixture);
    let asked = 0;
    let isMended = false;
    const refuse = () => {
      if (isMended) return;
      asked += 1;
      throw new OffpeakError('the key was refused', { code });
    };
    broken.on.upload = refuse;
    broken.on.call = async () => {
      refuse();
      return good('late');
    };
    broken.on.get = (remote) => {
      endRemote(broken);
      return { ...(remote ?? (undefined as never)) };
    };
    const providers = new Map(fixture.engine.providers).set(other, { ...broken.provider, account: other });
    const engine = { ...fixture.engine, providers };
    const mend = () => {
      isMended = true;
    };
    return { fixture: { ...fixture, engine }, other, asked: () => asked, mend };
  }

  test.each([
    ['auth', 'batch'],
    ['quota', 'batch'],
    ['auth', 'realtime'],
  ] as const)(
    '%s, %s: a worker of everything leaves it alone for 15 minutes and goes on with the others',
    async (code, mode) => {
      const { fixture, other, asked, mend } = twoAccounts(code);
      const { clock, engine, events } = fixture;
      const bad = await addRun(fixture, newJobs(4, { ...lane, account: other, mode }), { concurrency: 2 });
      const fine = await addRun(fixture, newJobs(2, lane, 'fine'));
      const stop = new AbortController();
      const working = createWorker(engine, { isAlive: () => true }).run(stop.signal);
      await clock.advance(10 * 60_000);
      expect(await runOf(fixture, fine.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2 } });
      // As many as were under way together.
      expect(asked()).toBeLessThanOrEqual(2);
      const message = expect.stringContaining('paused for 15 minutes');
      expect(events).toContainEqual(expect.objectContaining({ type: 'paused', message }));
      mend();
      await clock.advance(4 * 60_000);
      expect((await runOf(fixture, bad.id)).counts.succeeded).toBe(0);
      await clock.advance(3 * 60_000);
      expect((await runOf(fixture, bad.id)).counts.succeeded).toBe(4);
      stop.abort();
      await clock.runUntil(working);
    },
  );

  test('a worker of one run ends with the reason', async () => {
    const { fixture, other } = twoAccounts('quota');
    const bad = await addRun(fixture, newJobs(1, { ...lane, account: other }));
    await expect(fixture.clock.runUntil(work(fixture, bad.id))).rejects.toMatchObject({ code: 'quota' });
  });
});

describe('a provider that is down, beside others', () => {
  /** Its batches, or its calls, find nobody; those of the other account take long and are paid. */
  function down(code: 'unavailable' | 'bad_answer' | 'rejected' | 'config') {
    const other = 'fake:account-2';
    const fine = createFakeProvider();
    const fixture = createEngineFixture(createFakeProvider(), { maxUnavailable: 5 });
    const { fake, clock } = fixture;
    const fault = () => {
      throw new OffpeakError('nobody is there', { code });
    };
    fake.on.upload = fault;
    fake.on.call = async () => fault();
    let isBrokenOff = false;
    fine.on.call = async (_, signal) => {
      await clock.sleep(25_000, signal);
      isBrokenOff ||= signal.aborted;
      return good('answer');
    };
    const providers = new Map(fixture.engine.providers).set(other, { ...fine.provider, account: other });
    return { ...fixture, engine: { ...fixture.engine, providers }, other, fine, isBrokenOff: () => isBrokenOff };
  }

  test.each([
    ['unavailable', 'batch'],
    ['config', 'batch'],
    ['unavailable', 'realtime'],
    ['bad_answer', 'realtime'],
    ['rejected', 'realtime'],
  ] as const)(
    '%s, %s: a worker of everything leaves it alone; no call of the others is broken off',
    async (code, mode) => {
      const fixture = down(code);
      const { clock, engine, events, other, fine, isBrokenOff } = fixture;
      const bad = await addRun(fixture, newJobs(2, { ...lane, mode }), { concurrency: 1 });
      const paid = await addRun(fixture, newJobs(30, { ...lane, account: other, mode: 'realtime' }, 'paid'));
      const stop = new AbortController();
      const working = createWorker(engine, { isAlive: () => true }).run(stop.signal);
      await clock.advance(180_000);
      expect((await runOf(fixture, paid.id)).counts.succeeded).toBe(30);
      expect(fine.calls).toHaveLength(30);
      expect(isBrokenOff()).toBe(false);
      expect(events).toContainEqual(expect.objectContaining({ type: 'paused', account }));
      expect((await runOf(fixture, bad.id)).counts).toMatchObject({ succeeded: 0, failed: 0 });
      stop.abort();
      await clock.runUntil(working);
    },
  );

  test('a run in batches where there is no batch API waits, and nothing else of its account does', async () => {
    const fixture = createEngineFixture();
    const { clock, engine, events, fake, store } = fixture;
    let uploads = 0;
    fake.on.upload = () => {
      uploads += 1;
      throw new OffpeakError('HTTP 404', { code: 'batch_unavailable' });
    };
    const refused = await addRun(fixture, 2, { mode: 'batch' });
    const falling = await addRun(fixture, newJobs(3, lane, 'falling'));
    const stop = new AbortController();
    const working = createWorker(engine, { isAlive: () => true }).run(stop.signal);
    await clock.advance(10_000);
    const calls = await addRun(fixture, newJobs(3, { ...lane, mode: 'realtime' }, 'call'), { mode: 'realtime' });
    await clock.advance(10 * 60_000);
    for (const { id } of [falling, calls]) {
      expect(await runOf(fixture, id)).toMatchObject({ state: 'ended', counts: { succeeded: 3 } });
    }
    expect(uploads).toBe(2);
    expect(events.filter(({ type }) => type === 'paused')).toEqual([]);
    const message = expect.stringContaining('waits 15 minutes: HTTP 404: no batch API here');
    expect(events).toContainEqual({ type: 'note', message });
    expect(await store.listBatches({ runId: refused.id })).toMatchObject([{ state: 'packed', errorCode: 'config' }]);
    // Mended, it goes by itself.
    delete fake.on.upload;
    endAtOnce(fixture);
    await clock.advance(6 * 60_000);
    expect(await runOf(fixture, refused.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2 } });
    stop.abort();
    await clock.runUntil(working);
  });

  test('an address that is not that of the API pauses the account, and its batch is not tried again at once', async () => {
    const fixture = createEngineFixture();
    const { clock, engine, events, fake, store } = fixture;
    fake.on.upload = () => {
      throw new OffpeakError('HTTP 404', { code: 'batch_unavailable' });
    };
    fake.provider.check = async () => {
      throw new OffpeakError('no list of models', { code: 'bad_answer', retryable: true });
    };
    const run = await addRun(fixture, 2);
    const stop = new AbortController();
    const working = createWorker(engine, { isAlive: () => true }).run(stop.signal);
    await clock.advance(10_000);
    const message = expect.stringContaining('check the base URL');
    expect(events).toContainEqual(expect.objectContaining({ type: 'paused', account, message }));
    const [batch] = await store.listBatches({ runId: run.id });
    expect(batch).toMatchObject({ state: 'packed', errorCode: 'config' });
    expect((batch?.nextAt ?? 0) - clock.now()).toBeGreaterThan(14 * 60_000);
    expect(fake.calls).toEqual(['upload']);
    stop.abort();
    await clock.runUntil(working);
  });

  test('a worker of one run gives up', async () => {
    const fixture = down('unavailable');
    const bad = await addRun(fixture, 2);
    await expect(fixture.clock.runUntil(work(fixture, bad.id))).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('a fault of ours is no account’s: the worker says so and ends', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.upload = () => {
      throw new OffpeakError('a mistake', { code: 'internal' });
    };
    await addRun(fixture, 1);
    const working = createWorker(fixture.engine, { isAlive: () => true }).run(never);
    await expect(fixture.clock.runUntil(working)).rejects.toMatchObject({ code: 'internal' });
    expect(fixture.events.filter(({ type }) => type === 'paused')).toEqual([]);
  });
});

describe('warming the provider’s cache', () => {
  test('one request goes first in each lane; the rest follows when it has ended', async () => {
    const fixture = createEngineFixture();
    const { clock, fake } = fixture;
    const jobs = [...newJobs(5), ...newJobs(5, { ...lane, model: 'gpt-5' }, 'other')];
    const run = await addRun(fixture, jobs, { primeCache: true });
    const working = work(fixture, run.id);
    await clock.advance(120_000);
    expect(fake.remotes.map(({ requests }) => requests.length)).toEqual([1, 1]);
    endRemote(fake);
    while (fake.remotes.length < 4) await clock.advance(5_000);
    expect(fake.remotes.map(({ requests }) => requests.length)).toEqual([4, 4, 1, 1]);
    endRemote(fake);
    await clock.runUntil(working, 600_000);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(10);
  });

  test('a primer that is refused, or too large, does not hold up the rest', async () => {
    const fixture = createEngineFixture(createFakeProvider({ limits: { maxBytes: 400 } }));
    const { clock, fake } = fixture;
    let isFirst = true;
    fake.on.get = (remote) => {
      if (isFirst) {
        const errors = [{ code: 'invalid', message: 'no' }];
        Object.assign(remote ?? {}, { phase: 'refused', rawStatus: 'failed', refusal: 'batch', errors });
      } else endRemote(fake);
      isFirst = false;
      return { ...(remote ?? (undefined as never)) };
    };
    const [big] = newJobs(1, lane, 'x'.repeat(500));
    const run = await addRun(fixture, [...(big ? [big] : []), ...newJobs(5)], { primeCache: true });
    await clock.runUntil(work(fixture, run.id), 600_000);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { failed: 2, succeeded: 4 } });
  });

  test('a primer that is late: the deadline takes all of them realtime', async () => {
    const fixture = createEngineFixture();
    const { clock, fake } = fixture;
    const deadlineAt = clock.now() + 3 * 3_600_000;
    const run = await addRun(fixture, 4, { primeCache: true, deadlineAt });
    await clock.runUntil(work(fixture, run.id), 4 * 3_600_000);
    expect(clock.now()).toBeLessThan(deadlineAt);
    expect(fake.calls.filter((call) => call === 'call').length).toBeGreaterThanOrEqual(3);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(4);
  });
});

describe('a budget', () => {
  const bound = 100;
  const price = { input: 0, output: 0.001, batch: { factor: 1 }, source: 'test' };

  test.each(['batch', 'realtime'] as const)(
    '%s: what does not fit waits, the run says so and ends its worker; more money sends the rest',
    async (mode) => {
      // A hundred tokens of answer at most, at a nano-dollar each.
      const fixture = createEngineFixture(createFakeProvider(), { priceOf: () => price });
      const { clock, fake, store } = fixture;
      endAtOnce(fixture);
      const change = mode === 'batch' ? {} : realtime;
      const run = await addRun(fixture, 6, { ...change, budgetNanoUsd: 3 * bound });
      await clock.runUntil(work(fixture, run.id), 600_000);
      const after = await runOf(fixture, run.id);
      expect(after).toMatchObject({ state: 'running', isOverBudget: true, reservedNanoUsd: 0, costNanoUsd: 300 });
      expect(after.counts).toMatchObject({ succeeded: 3, queued: 3 });
      expect(after.note).toMatch(/budget.*3 jobs/);
      const creates = fake.calls.length;
      await clock.runUntil(work(fixture, run.id), 60_000);
      expect(fake.calls).toHaveLength(creates);
      await store.updateRun(run.id, { budgetNanoUsd: 6 * bound }, clock.now());
      await clock.runUntil(work(fixture, run.id), 600_000);
      const done = await runOf(fixture, run.id);
      expect(done).toMatchObject({ state: 'ended', counts: { succeeded: 6 }, reservedNanoUsd: 0, costNanoUsd: 600 });
      expect(done.note).toBeUndefined();
    },
  );

  test('money that is given back is spent, and followers cost nothing', async () => {
    const fixture = createEngineFixture(createFakeProvider(), { priceOf: () => price });
    const { clock, fake } = fixture;
    endAtOnce(fixture);
    fake.on.results = (remote) =>
      remote.requests.map((row) => lineOf(row, { ...good('x'), usage: { inputTokens: 1, outputTokens: 25 } } as never));
    const twins = newJobs(8).map((job) => ({ ...job, key: `twin-${job.key}` }));
    const run = await addRun(fixture, [...newJobs(8), ...twins], { budgetNanoUsd: 3 * bound });
    await clock.runUntil(work(fixture, run.id), 3_600_000);
    const after = await runOf(fixture, run.id);
    expect(after).toMatchObject({ state: 'ended', counts: { succeeded: 16 }, reused: 8, costNanoUsd: 200 });
    expect(after.reservedNanoUsd).toBe(0);
  });
});

describe('an answer that breaks its schema', () => {
  const strict: Recipe = {
    ...acceptAll,
    problemWith: (output) => (output.startsWith('good') ? undefined : 'it must begin with good'),
  };

  test.each(['batch', 'realtime'] as const)(
    '%s: asked once more with the validator’s words; the second bad one is the end',
    async (mode) => {
      const fixture = createEngineFixture(createFakeProvider(), { createRecipe: () => strict });
      const { clock, fake } = fixture;
      endAtOnce(fixture);
      const asked: string[] = [];
      const answer = (body: string) => {
        asked.push(body);
        return good(body.includes('item-1"') && body.includes('it must begin with good') ? 'good now' : 'bad');
      };
      fake.on.call = async (body) => answer(body);
      fake.on.results = (remote) => remote.requests.map((row) => lineOf(row, answer(row.body)));
      const run = await addRun(fixture, 2, { ...(mode === 'batch' ? {} : realtime), maxAttempts: 5 });
      await clock.runUntil(work(fixture, run.id), 3_600_000);
      expect(asked).toHaveLength(4);
      const rows = await results(fixture, run.id);
      expect(rows.map((row) => [row.state, row.output ?? row.errorCode, row.attempts])).toEqual([
        ['succeeded', 'good now', 2],
        ['failed', 'invalid_output', 2],
      ]);
      // A person's retry asks in the job's own words again.
      asked.length = 0;
      await fixture.store.requeueJobs(run.id, ['failed']);
      await clock.runUntil(work(fixture, run.id), 3_600_000);
      expect(asked[0]).toBe('{"input":"item-2"}');
      expect(asked[1]).toContain('it must begin with good');
    },
  );

  test('an adapter with no place for a correction tries the same again', async () => {
    const fixture = createEngineFixture(createFakeProvider(), { createRecipe: () => strict });
    const { clock, fake } = fixture;
    fake.provider.askAgain = () => undefined;
    const asked: string[] = [];
    fake.on.call = async (body) => {
      asked.push(body);
      return good('bad');
    };
    const run = await addRun(fixture, 1, { ...realtime, maxAttempts: 3 });
    await clock.runUntil(work(fixture, run.id), 3_600_000);
    expect(asked).toEqual(Array.from({ length: 3 }, () => '{"input":"item-1"}'));
    expect((await runOf(fixture, run.id)).counts.failed).toBe(1);
    expect(fixture.engine.providers.has(account)).toBe(true);
  });
});

test('what a worker knows of a lane and its run goes with the last call', async () => {
  const fixture = createEngineFixture();
  const { fake, engine } = fixture;
  await addRun(fixture, 3, realtime);
  const state = createWorkerState(engine, { isAlive: () => true });
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  fake.on.call = async (body) => {
    await answered;
    return good(body);
  };
  await startWork(state);
  await startWork(state);
  const calls = [...state.lanes.values()].flatMap(({ inFlight }) => [...inFlight]);
  expect([state.lanes.size, calls.length]).toEqual([1, 3]);
  answer();
  await Promise.all(calls);
  await startWork(state);
  expect([state.lanes.size, state.runs.size]).toEqual([0, 0]);
});
