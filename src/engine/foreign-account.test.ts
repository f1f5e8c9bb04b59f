import { describe, expect, test } from 'vitest';
import { advance } from './advance.ts';
import type { Engine } from './engine.ts';
import {
  addRun,
  batchOf,
  createEngineFixture,
  createFakeProvider,
  type EngineFixture,
  type FakeProvider,
  newJobs,
  openBatch,
  runOf,
  submitted,
} from './engine-fixtures.ts';
import { createWorker } from './worker.ts';

const signal = new AbortController().signal;

/** The same provider under another key: what is begun at the fixture's account is foreign to it. */
function newKey(fixture: EngineFixture): { engine: Engine; today: FakeProvider } {
  const today = createFakeProvider();
  today.provider = { ...today.provider, account: 'fake:account-2' };
  today.on.get = (remote) => ({ ...(remote as NonNullable<typeof remote>), phase: 'ended', rawStatus: 'completed' });
  return { engine: { ...fixture.engine, providers: new Map([['fake:account-2', today.provider]]) }, today };
}

function work(fixture: EngineFixture, engine: Engine, runId: string): Promise<void> {
  return fixture.clock.runUntil(createWorker(engine, { runId, isAlive: () => true }).run(signal));
}

describe('a run that was begun under another key', () => {
  test('goes on under today’s with what was never sent', async () => {
    const fixture = createEngineFixture();
    const { engine, today } = newKey(fixture);
    const run = await addRun(fixture, 3);
    await work(fixture, engine, run.id);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 3 } });
    expect(today.calls.filter((call) => call === 'create')).toHaveLength(1);
    expect(fixture.fake.calls).toEqual([]);
  });

  test('uploads again what was packed and uploaded under the old one', async () => {
    const fixture = createEngineFixture();
    const { engine, today } = newKey(fixture);
    const run = await addRun(fixture, 3);
    const batch = await openBatch(fixture, run.id);
    const dying: Engine = {
      ...fixture.engine,
      crashpoint: (name) => {
        if (name === 'C8') throw new Error('killed');
      },
    };
    await expect(advance(dying, batch, signal)).rejects.toThrow('killed');
    await fixture.store.releaseOwner('worker-a', fixture.clock.now());
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'packed', inputFileId: 'file-1' });
    await work(fixture, engine, run.id);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { succeeded: 3 } });
    expect(today.calls.slice(0, 2)).toEqual(['upload', 'create']);
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'collected', account: 'fake:account-2' });
  });

  test('with a batch at the provider is refused, and stays where it is', async () => {
    const fixture = createEngineFixture();
    const { engine, today } = newKey(fixture);
    const { run, batch } = await submitted(fixture, 3);
    await expect(work(fixture, engine, run.id)).rejects.toMatchObject({
      code: 'config',
      message: expect.stringContaining('fake:account-1'),
    });
    expect(today.calls).toEqual([]);
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'in_progress', account: 'fake:account-1' });
  });

  test('can be cancelled: nothing is sent, and it ends', async () => {
    const fixture = createEngineFixture();
    const { engine, today } = newKey(fixture);
    const run = await addRun(fixture, 3, { state: 'cancelling' });
    await work(fixture, engine, run.id);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { cancelled: 3 } });
    expect(today.calls).toEqual([]);
  });

  test('with a batch at the provider can be cancelled as far as it was not sent', async () => {
    const fixture = createEngineFixture();
    const { engine } = newKey(fixture);
    const { store, clock } = fixture;
    const { run } = await submitted(fixture, 3);
    await store.updateRun(run.id, { state: 'open' }, clock.now());
    await store.addJobs(run.id, newJobs(2, undefined, 'late'), { now: clock.now(), reuse: false, reopen: false });
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    await expect(work(fixture, engine, run.id)).rejects.toMatchObject({ code: 'config' });
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ cancelled: 2, running: 3, queued: 0 });
  });
});
