import { describe, expect, test } from 'vitest';
import type { AttemptPage } from '../store-rows.ts';
import {
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
