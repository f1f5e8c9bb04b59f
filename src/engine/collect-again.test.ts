import { describe, expect, test } from 'vitest';
import type { ResultLine } from '../provider.ts';
import type { AttemptPage, BookRow, QuarantinedLine } from '../store-rows.ts';
import type { Engine } from './engine.ts';
import {
  acceptAll,
  addRun,
  createEngineFixture,
  createFakeProvider,
  type EngineFixture,
  type FakeRemote,
  good,
  lineOf,
  runOf,
  spyStore,
} from './engine-fixtures.ts';
import { createWorker } from './worker.ts';

const never = new AbortController().signal;

/** A run of one attempt a job, to its end; the provider counts so many successes and gives these lines at each reading. */
async function worked(succeeded: number, lines: (remote: FakeRemote, reading: number) => FakeRemote['requests']) {
  const fixture = createEngineFixture();
  const { fake } = fixture;
  const counts = { total: 3, succeeded, failed: 0 };
  fake.on.get = (remote) => ({ ...(remote as FakeRemote), phase: 'ended', rawStatus: 'completed', counts });
  let readings = 0;
  fake.on.results = (remote) => lines(remote, ++readings).map((request) => lineOf(request));
  const run = await addRun(fixture, 3, { maxAttempts: 1 });
  await work(fixture, run.id);
  const creates = fake.calls.filter((call) => call === 'create').length;
  return { readings, creates, run: await runOf(fixture, run.id) };
}

function work(fixture: EngineFixture, runId: string, engine = fixture.engine): Promise<void> {
  return fixture.clock.runUntil(createWorker(engine, { runId, isAlive: () => true }).run(never));
}

describe('results that miss rows', () => {
  test('which the provider counts as succeeded are read again until they are there, and nothing is sent twice', async () => {
    const { readings, creates, run } = await worked(3, ({ requests }, reading) => (reading <= 8 ? [] : requests));
    expect(readings).toBe(9);
    expect(creates).toBe(1);
    expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 3, failed: 0 } });
  });

  test('which the provider counts as succeeded are given up at last', async () => {
    const { readings, run } = await worked(3, ({ requests }) => requests.slice(0, 2));
    expect(readings).toBe(9);
    expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 2, failed: 1 } });
  });

  test('which the provider does not count either are read again twice', async () => {
    const { readings, run } = await worked(2, ({ requests }) => requests.slice(0, 2));
    expect(readings).toBe(3);
    expect(run).toMatchObject({ state: 'ended', counts: { succeeded: 2, failed: 1 } });
  });
});

test('rows that are missing are booked in one walk through the batch', async () => {
  const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 5_000 } }));
  const { fake, store } = fixture;
  fake.on.get = (remote) => ({ ...(remote as FakeRemote), phase: 'ended', rawStatus: 'completed' });
  fake.on.results = ({ requests }) => requests.filter((_, i) => i % 2 === 0).map((request) => lineOf(request));
  const after: number[] = [];
  const watched = spyStore(store, (method, [, page]) => {
    if (method === 'readAttempts' && (page as AttemptPage).limit > 1) after.push((page as AttemptPage).afterJob);
  });
  const run = await addRun(fixture, 3_000, { maxAttempts: 1 });
  await work(fixture, run.id, { ...fixture.engine, store: watched });
  expect(await runOf(fixture, run.id)).toMatchObject({ counts: { succeeded: 1_500, failed: 1_500 } });
  expect(after).toEqual([...new Set(after)].toSorted((a, b) => a - b));
  expect(after.length).toBeLessThanOrEqual(4);
});

test('results that hold every line twice: a thousand are kept apart, in one write, and all are read', async () => {
  const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 5_000 } }));
  const { fake, store } = fixture;
  fake.on.get = (remote) => ({ ...(remote as FakeRemote), phase: 'ended', rawStatus: 'completed' });
  fake.on.results = ({ requests }) => [...requests, ...requests].map((request) => lineOf(request, good('x')));
  const written: number[] = [];
  const watched = spyStore(store, (method, [, lines]) => {
    if (method === 'quarantine') written.push((lines as unknown[]).length);
  });
  const run = await addRun(fixture, 3_000);
  await work(fixture, run.id, { ...fixture.engine, store: watched });
  expect(await runOf(fixture, run.id)).toMatchObject({
    counts: { succeeded: 3_000 },
    usage: { inputTokens: 3_000_000 },
  });
  expect(written).toEqual([1_000]);
  expect(await store.listBatches()).toMatchObject([{ quarantined: 1_000 }]);
});

/** A batch of so many jobs that has ended with these lines; what is written of it, call by call. */
async function writes(
  jobs: number,
  lines: (remote: FakeRemote) => Iterable<ResultLine>,
  change: Partial<Engine> = {},
  fake = createFakeProvider(),
) {
  const fixture = createEngineFixture(fake, change);
  fixture.fake.on.get = (remote) => ({ ...(remote as FakeRemote), phase: 'ended', rawStatus: 'completed' });
  fixture.fake.on.results = lines;
  const booked: BookRow[][] = [];
  const quarantined: QuarantinedLine[][] = [];
  const watched = spyStore(fixture.store, (method, [of, rows]) => {
    if (method === 'book') booked.push([...(of as BookRow[])]);
    if (method === 'quarantine') quarantined.push([...(rows as QuarantinedLine[])]);
  });
  const run = await addRun(fixture, jobs, { maxAttempts: 2 });
  const stop = new AbortController();
  const engine = { ...fixture.engine, store: watched };
  const working = createWorker(engine, { runId: run.id, isAlive: () => true }).run(stop.signal);
  // What is tried again may be in another batch before this one is read to its end.
  const first = async () => (await fixture.store.listBatches()).at(-1);
  while ((await first())?.state !== 'collected') await fixture.clock.advance(1_000);
  stop.abort();
  await fixture.clock.runUntil(working);
  return { booked, quarantined, batch: await first() };
}

const createRecipe = () => ({ ...acceptAll, problemWith: () => 'not JSON' });
const megabyte = 'm'.repeat(1024 * 1024);
const lengthOf = (rows: readonly BookRow[]) => rows.reduce((sum, { correction }) => sum + (correction?.length ?? 0), 0);

describe('what is held in memory', () => {
  test('of answers that break their schema, and of their corrections, is a few megabytes', async () => {
    let read = 0;
    let readAtFirst = 0;
    const { booked } = await writes(
      20,
      function* ({ requests }) {
        for (const request of requests) {
          read += 1;
          yield lineOf(request, good(megabyte));
        }
      },
      {
        createRecipe,
        crashpoint: (point) => {
          if (point === 'C15') readAtFirst ||= read;
        },
      },
    );
    // A window, and what of the next was read while it was booked.
    expect(readAtFirst).toBeLessThan(6);
    expect(booked.flat().filter(({ correction }) => correction !== undefined)).toHaveLength(20);
    for (const rows of booked) expect(lengthOf(rows)).toBeLessThan(6 * megabyte.length);
  });

  test('of small answers to large requests is a few megabytes as well', async () => {
    const fake = createFakeProvider();
    fake.provider.askAgain = () => megabyte;
    const lines = ({ requests }: FakeRemote) => requests.map((request) => lineOf(request, good('x')));
    const { booked } = await writes(20, lines, { createRecipe }, fake);
    expect(booked.flat().filter(({ correction }) => correction !== undefined)).toHaveLength(20);
    for (const rows of booked) expect(lengthOf(rows)).toBeLessThan(6 * megabyte.length);
  });

  test('of lines that came twice is their beginning, and they are written before they are many', async () => {
    const { quarantined, batch } = await writes(90, ({ requests }) =>
      requests.flatMap((request) => [lineOf(request, good('x')), lineOf(request, good(megabyte.slice(0, 200_000)))]),
    );
    for (const { line } of quarantined.flat()) expect(line.length).toBeLessThan(66_000);
    expect(quarantined.length).toBeGreaterThan(1);
    expect(batch?.quarantined).toBe(90);
  });
});
