import { describe, expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import { parseCustomId } from '../ids.ts';
import type { ResultLine } from '../provider.ts';
import {
  addRun,
  batchOf,
  createEngineFixture,
  createFakeProvider,
  type EngineFixture,
  endRemote,
  type FakeRemote,
  good,
  lane,
  lineOf,
  newJobs,
  results,
  runOf,
} from './engine-fixtures.ts';
import { createWorker } from './worker.ts';

/** A provider that lets a batch carry nothing of ours: only the custom ids in its results prove whose it is. */

const never = new AbortController().signal;
const isAlive = () => true;
const creates = ({ fake }: EngineFixture) => fake.calls.filter((call) => call === 'create').length;

function fixtureWith(): EngineFixture {
  const fixture = createEngineFixture(createFakeProvider({ proof: 'results' }));
  return fixture;
}

const silence = () => new OffpeakError('reset', { code: 'outcome_unknown' });

/** The first creates are answered by silence; `made` says whether they were. */
function loseReplies({ fake, clock }: EngineFixture, made: readonly boolean[]): void {
  let n = 0;
  fake.on.create = (make) => {
    const isMade = made[n];
    n += 1;
    if (isMade === false) throw silence();
    const remote = make();
    Object.assign(fake.remotes[0] ?? {}, { createdAt: clock.now() });
    if (isMade) throw silence();
    return remote;
  };
}

/** Somebody else's batch of the same size and the same second. */
function addStranger({ fake, clock }: EngineFixture, requests: number, change: Partial<FakeRemote> = {}): FakeRemote {
  const ids = Array.from({ length: requests }, (_, i) => `their-${i}`);
  const remote: FakeRemote = {
    remoteId: `batch_stranger_${fake.remotes.length}`,
    phase: 'running',
    rawStatus: 'in_progress',
    counts: { total: requests, succeeded: 0, failed: 0 },
    createdAt: clock.now(),
    resultFileIds: [],
    errors: [],
    requests: ids.map((customId) => ({ customId, body: '' })),
    ...change,
  };
  fake.remotes.unshift(remote);
  return remote;
}

const work = ({ engine }: EngineFixture, runId: string) => createWorker(engine, { runId, isAlive }).run(never);

describe('a create whose reply was lost, where nothing of ours is carried', () => {
  test('created: adopted by its results once it has ended, and never created again', async () => {
    const fixture = fixtureWith();
    loseReplies(fixture, [true]);
    const run = await addRun(fixture, 3);
    const working = work(fixture, run.id);
    await fixture.clock.advance(1_800_000);
    expect(await batchOf(fixture, 1)).toMatchObject({ state: 'unknown', absences: 0 });
    endRemote(fixture.fake);
    await fixture.clock.runUntil(working, 3_600_000);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 3 } });
    expect(creates(fixture)).toBe(1);
  });

  test('not created: sent again after the grace period, foreign batches notwithstanding', async () => {
    const fixture = fixtureWith();
    const { clock, fake } = fixture;
    loseReplies(fixture, [false]);
    addStranger(fixture, 3, { phase: 'ended', rawStatus: 'ended' });
    addStranger(fixture, 4);
    addStranger(fixture, 3, { createdAt: clock.now() - 30 * 3_600_000 });
    const strange = addStranger(fixture, 3);
    const run = await addRun(fixture, 3);
    const working = work(fixture, run.id);
    await clock.advance(1_200_000);
    // One that fits still runs: only its end can tell.
    expect(creates(fixture)).toBe(1);
    Object.assign(strange, { phase: 'ended', rawStatus: 'ended' });
    while (creates(fixture) < 2) await clock.advance(10_000);
    endRemote(fake);
    await clock.runUntil(working, 3_600_000);
    expect(creates(fixture)).toBe(2);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(3);
    expect((await results(fixture, run.id)).every((row) => row.output?.includes('op-'))).toBe(true);
  });

  test.each([
    [true, true],
    [true, false],
    [false, true],
  ])('two of the same size in the same second, created %s and %s: no result under a strange job', async (a, b) => {
    const fixture = fixtureWith();
    const { clock, fake, engine } = fixture;
    loseReplies(fixture, [a, b]);
    fake.on.results = (remote) =>
      remote.requests.map((request) => lineOf(request, good(`for ${parseCustomId(request.customId)?.job}`)));
    const runs = [await addRun(fixture, newJobs(2, lane, 'a')), await addRun(fixture, newJobs(2, lane, 'b'))];
    const second = { ...engine, store: fixture.connect('worker-b'), owner: 'worker-b' };
    const workers = runs.map((run, i) => createWorker(i ? second : engine, { runId: run.id, isAlive }).run(never));
    const all = Promise.all(workers);
    await clock.advance(600_000);
    endRemote(fake);
    await clock.advance(600_000);
    endRemote(fake);
    await clock.runUntil(all, 3_600_000);
    for (const run of runs) {
      expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2 } });
      for (const row of await results(fixture, run.id)) expect(row.output).toBe(`for ${row.job}`);
    }
    expect(fake.remotes).toHaveLength(2);
    expect(await fixture.store.check()).toEqual([]);
  });

  test('an unreadable first line decides nothing; the next one does', async () => {
    const fixture = fixtureWith();
    const { clock, fake } = fixture;
    loseReplies(fixture, [true]);
    fake.on.results = (remote) => [{ outcome: good(''), raw: '{"cut' }, ...remote.requests.map((row) => lineOf(row))];
    const run = await addRun(fixture, 2);
    const working = work(fixture, run.id);
    await clock.advance(10_000);
    endRemote(fake);
    await clock.runUntil(working, 3_600_000);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(2);
    expect(creates(fixture)).toBe(1);
  });

  test.each([
    ['cut before the first line', () => [] as ResultLine[]],
    [
      'removed',
      (): ResultLine[] => {
        throw new OffpeakError('gone', { code: 'not_found' });
      },
    ],
  ])('results that are %s prove nothing: never sent again by itself, and given up in the end', async (_, lines) => {
    const fixture = fixtureWith();
    const { clock, fake } = fixture;
    loseReplies(fixture, [true]);
    fake.on.results = lines;
    const run = await addRun(fixture, 2, { budgetNanoUsd: 1e12 });
    const working = work(fixture, run.id);
    await clock.advance(10_000);
    endRemote(fake);
    await clock.advance(300_000);
    expect(creates(fixture)).toBe(1);
    await clock.runUntil(working, 24 * 3_600_000);
    expect(creates(fixture)).toBe(1);
    const after = await runOf(fixture, run.id);
    expect(after).toMatchObject({ state: 'ended', counts: { failed: 2 } });
    expect((await results(fixture, run.id))[0]?.errorCode).toBe('batch_lost');
    // It may have been charged: what it could have cost stays reserved.
    expect(after.reservedNanoUsd).toBeGreaterThan(0);
  });

  test('when several may be it, all of them are named', async () => {
    const fixture = fixtureWith();
    const { clock, fake } = fixture;
    loseReplies(fixture, [true]);
    fake.on.results = () => [];
    const run = await addRun(fixture, 2);
    const working = work(fixture, run.id);
    await clock.advance(10_000);
    addStranger(fixture, 2);
    endRemote(fake);
    await clock.advance(1_000);
    endRemote(fake);
    await clock.runUntil(working, 24 * 3_600_000);
    const [row] = await results(fixture, run.id);
    expect(row?.errorCode).toBe('batch_lost');
    for (const { remoteId } of fake.remotes) expect(row?.errorMessage).toContain(remoteId);
    expect(fake.remotes).toHaveLength(2);
  });

  test('cancelled while unknown: found and stopped, its finished rows kept', async () => {
    const fixture = fixtureWith();
    const { clock, fake, store } = fixture;
    loseReplies(fixture, [true]);
    const run = await addRun(fixture, 2);
    const working = work(fixture, run.id);
    await clock.advance(10_000);
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    await clock.advance(60_000);
    endRemote(fake);
    await clock.runUntil(working, 3_600_000);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2 } });
    expect(creates(fixture)).toBe(1);
  });
});

describe('a create that reads the requests itself', () => {
  test('names the rows that are wrong: these fail, the others go in another batch', async () => {
    const fixture = fixtureWith();
    const { clock, fake } = fixture;
    fake.on.create = (make) => {
      const remote = make();
      if (fake.remotes.length > 1) return remote;
      fake.remotes.shift();
      delete fake.on.create;
      const errors = [{ code: 'invalid_request', message: 'requests.1: no model', line: 2 }];
      return { ...remote, remoteId: '', phase: 'refused', rawStatus: 'rejected', refusal: 'rows', errors };
    };
    const run = await addRun(fixture, 3);
    const working = work(fixture, run.id);
    while (fake.remotes.length === 0) await clock.advance(5_000);
    endRemote(fake);
    await clock.runUntil(working, 600_000);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 2, failed: 1 } });
    const [, bad] = await results(fixture, run.id);
    expect(bad).toMatchObject({ errorCode: 'invalid_request', errorMessage: 'requests.1: no model' });
    expect(fake.remotes.map(({ requests }) => requests.length)).toEqual([2]);
    expect(await fixture.store.check()).toEqual([]);
  });
});
