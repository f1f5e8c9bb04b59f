import { describe, expect, test } from 'vitest';
import type { Batch } from '../batch.ts';
import { OffpeakError } from '../errors.ts';
import type { RemoteBatch } from '../provider.ts';
import { createEngineFixture, type EngineFixture, limits, runOf, step, submitted } from './engine-fixtures.ts';

const stranger = (n: number): RemoteBatch => ({
  remoteId: `batch_stranger_${n}`,
  phase: 'ended',
  rawStatus: 'completed',
  nonce: `stranger${n}`.padEnd(10, 'x').slice(0, 10),
  inputFileId: `file-stranger-${n}`,
  resultFileIds: [],
  errors: [],
});

/** A batch whose create was answered by silence; `isCreated` says whether it stands at the provider. */
async function lost(isCreated: boolean, fixture = createEngineFixture()) {
  const { fake } = fixture;
  fake.on.create = (make) => {
    if (isCreated) make();
    delete fake.on.create;
    throw new OffpeakError('reset', { code: 'outcome_unknown' });
  };
  return { fixture, ...(await submitted(fixture, 2)) };
}

/** Lets the batch be looked at until it leaves `unknown` or time is up. */
async function settle(fixture: EngineFixture, id: number, maxMs = 3_600_000): Promise<Batch | undefined> {
  const end = fixture.clock.now() + maxMs;
  let batch: Batch | undefined;
  while (fixture.clock.now() < end) {
    batch = (await step(fixture)) ?? batch;
    if (batch && batch.id === id && batch.state !== 'unknown') return batch;
    await fixture.clock.advance(5_000);
  }
  return batch;
}

const creates = ({ fake }: EngineFixture) => fake.calls.filter((call) => call === 'create').length;

describe('a create whose reply was lost', () => {
  test('is adopted when the listing shows our nonce, on its last page', async () => {
    const { fixture, batch, run } = await lost(true);
    const { fake } = fixture;
    fake.on.list = () => [...Array.from({ length: 5_000 }, (_, i) => stranger(i)), ...fake.remotes];
    const after = await settle(fixture, batch.id);
    expect(after).toMatchObject({ state: 'in_progress', remoteId: 'batch_1' });
    expect(after?.errorMessage).toBeUndefined();
    expect(creates(fixture)).toBe(1);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ running: 2, packed: 0 });
  });

  test('is adopted by its nonce where the listing leaves out the input file', async () => {
    const { fixture, batch } = await lost(true);
    const { fake } = fixture;
    fake.on.list = () => fake.remotes.map(({ inputFileId: _, ...rest }) => rest);
    expect(await settle(fixture, batch.id)).toMatchObject({ state: 'in_progress', remoteId: 'batch_1' });
    expect(creates(fixture)).toBe(1);
  });

  test('is adopted by its input file where the provider carries no nonce', async () => {
    const { fixture, batch } = await lost(true);
    const { fake } = fixture;
    fake.on.list = () => fake.remotes.map(({ nonce: _, ...rest }) => rest);
    expect(await settle(fixture, batch.id)).toMatchObject({ state: 'in_progress', remoteId: 'batch_1' });
  });

  test('is sent again only after enough complete listings over the whole grace period, with the same file', async () => {
    const { fixture, batch } = await lost(false);
    const began = fixture.clock.now();
    let createdAt = 0;
    fixture.fake.on.create = (make) => {
      createdAt = fixture.clock.now();
      return make();
    };
    expect(await settle(fixture, batch.id)).toMatchObject({ state: 'in_progress', inputFileId: 'file-1' });
    expect(fixture.fake.calls.filter((call) => call === 'list').length).toBeGreaterThanOrEqual(limits.absentListings);
    expect(createdAt - began).toBeGreaterThanOrEqual(limits.absentGraceMs);
    expect(fixture.fake.calls.filter((call) => call === 'upload')).toHaveLength(1);
    expect(creates(fixture)).toBe(2);
    expect(fixture.fake.remotes).toHaveLength(1);
  });

  test('is not sent again while the listing lags', async () => {
    const { fixture, batch } = await lost(true);
    const { fake, clock } = fixture;
    const visibleAt = clock.now() + 90_000;
    fake.on.list = () => (clock.now() < visibleAt ? [stranger(1)] : fake.remotes);
    expect(await settle(fixture, batch.id)).toMatchObject({ state: 'in_progress', remoteId: 'batch_1' });
    expect(fake.remotes).toHaveLength(1);
  });

  test('a listing that breaks off never counts, however often', async () => {
    const { fixture, batch } = await lost(false);
    const { fake } = fixture;
    fake.on.list = function* () {
      yield stranger(1);
      throw new OffpeakError('502 on page 2', { code: 'unavailable', retryable: true });
    };
    const after = await settle(fixture, batch.id, 2 * 3_600_000);
    expect(fake.calls.filter((call) => call === 'list').length).toBeGreaterThan(20);
    expect(after).toMatchObject({ state: 'unknown', absences: 0 });
    expect(creates(fixture)).toBe(1);
  });

  test('a stranger’s batch is never adopted, whatever it looks like', async () => {
    const { fixture, batch } = await lost(false);
    fixture.fake.on.list = () => [{ ...stranger(1), nonce: batch.nonce.toUpperCase() }, stranger(2)];
    await settle(fixture, batch.id, 60_000);
    const after = await settle(fixture, batch.id);
    expect(after?.remoteId).toBe('batch_1');
  });

  test('an earlier try of the same file that was refused is not taken for this one', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const { batch } = await submitted(fixture, 2);
    for (const remote of fake.remotes) {
      const errors = [{ code: 'token_limit_exceeded', message: 'queue full' }];
      Object.assign(remote, { phase: 'refused', rawStatus: 'failed', refusal: 'no_room', errors });
    }
    await clock.advance(10_000);
    await step(fixture);
    // The second create is done, its reply lost, and the listing shows it two minutes late.
    let visibleAt = Number.POSITIVE_INFINITY;
    fake.on.create = (make) => {
      make();
      visibleAt = clock.now() + 60_000;
      delete fake.on.create;
      throw new OffpeakError('reset', { code: 'outcome_unknown' });
    };
    fake.on.list = () => fake.remotes.filter((remote) => remote.remoteId === 'batch_1' || clock.now() >= visibleAt);
    while (fake.remotes.length < 2) {
      await clock.advance(10_000);
      await step(fixture);
    }
    expect(await settle(fixture, batch.id)).toMatchObject({ state: 'in_progress', remoteId: 'batch_2' });
    expect(fake.remotes).toHaveLength(2);
  });

  test('every new doubt begins a grace period of its own', async () => {
    const { fixture, batch } = await lost(false);
    const { fake, clock, store } = fixture;
    // First doubt: absent, packed again. Then the worker dies before its second create was answered.
    const engine = {
      ...fixture.engine,
      crashpoint: (name: string) => {
        if (name === 'C9') throw new Error('killed');
      },
    };
    for (let i = 0; i < 100 && (await store.listBatches())[0]?.state === 'unknown'; i++) {
      await clock.advance(5_000);
      await step(fixture, engine).catch(() => {});
    }
    expect((await store.listBatches())[0]?.state).toBe('submitting');
    await store.releaseOwner('worker-a', clock.now());
    await clock.advance(600_000);
    const doubtedAt = clock.now();
    let createdAt = 0;
    fake.on.create = (make) => {
      createdAt = clock.now();
      return make();
    };
    await step(fixture);
    await settle(fixture, batch.id);
    expect(createdAt - doubtedAt).toBeGreaterThanOrEqual(limits.absentGraceMs);
  });

  test('a run that was cancelled meanwhile: the batch is found and stopped, or dissolved when it is not there', async () => {
    for (const isCreated of [true, false]) {
      const { fixture, batch, run } = await lost(isCreated);
      await fixture.store.updateRun(run.id, { state: 'cancelling' }, fixture.clock.now());
      const after = await settle(fixture, batch.id);
      expect(after?.state).toBe(isCreated ? 'in_progress' : 'abandoned');
      expect(creates(fixture)).toBe(1);
    }
  });
});
