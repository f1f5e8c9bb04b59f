import { expect, test } from 'vitest';
import { addRun, createEngineFixture, createFakeProvider, lane, newJobs, spyStore } from './engine-fixtures.ts';
import { packRun } from './pack-run.ts';

const never = new AbortController().signal;

test('packs all that may go, in as many batches as it needs, and leaves them to the workers', async () => {
  const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 4 } }));
  const run = await addRun(fixture, [
    ...newJobs(9),
    ...newJobs(2, { ...lane, model: 'gpt-5-nano' }, 'other'),
    ...newJobs(1, { ...lane, mode: 'realtime', endpoint: '/v1/other' }, 'call'),
  ]);
  const batches = await packRun(fixture.engine, run.id, never);
  expect(batches.map(({ requests, model, state }) => [requests, model, state])).toEqual([
    [4, 'gpt-5-mini', 'packed'],
    [4, 'gpt-5-mini', 'packed'],
    [1, 'gpt-5-mini', 'packed'],
    [2, 'gpt-5-nano', 'packed'],
  ]);
  expect(fixture.events.filter(({ type }) => type === 'batch')).toHaveLength(4);
  // Another worker may claim them at once.
  const other = await fixture
    .connect('worker-b')
    .claimBatch({ accounts: [lane.account] }, { owner: 'worker-b', now: fixture.clock.now(), leaseMs: 30_000 });
  expect(other?.state).toBe('packed');
  expect(fixture.fake.calls).toEqual([]);
  expect(await packRun(fixture.engine, run.id, never)).toEqual([]);
});

test('a batch that somebody else has taken over is theirs', async () => {
  const fixture = createEngineFixture();
  const run = await addRun(fixture, 3);
  const { store, clock } = fixture;
  const thief = fixture.connect('worker-b');
  let packed = 0;
  const engine = {
    ...fixture.engine,
    store: spyStore(store, (method) => {
      if (method === 'packJobs') packed += 1;
    }),
    crashpoint: () => {
      // After the first chunk our lease has lapsed.
      if (packed > 1) return;
      clock.jump(60_000);
      void thief.releaseLapsed(clock.now());
      void thief.claimBatch({ accounts: [lane.account] }, { owner: 'worker-b', now: clock.now(), leaseMs: 30_000 });
    },
  };
  expect(await packRun(engine, run.id, never)).toEqual([]);
  expect((await store.listBatches({ runId: run.id })).map(({ state, requests }) => [state, requests])).toEqual([
    ['packing', 3],
  ]);
});

test('ends where nothing goes into a batch, and when it is asked to', async () => {
  const fixture = createEngineFixture(createFakeProvider({ limits: { maxRequests: 0 } }));
  const run = await addRun(fixture, 3);
  expect(await packRun(fixture.engine, run.id, never)).toEqual([]);
  expect(await packRun(fixture.engine, run.id, AbortSignal.abort())).toEqual([]);
});
