import { expect, test } from 'vitest';
import { noCounts } from '../../job.ts';
import { type RunState, runMoves, runStates } from '../../run.ts';
import {
  endBatch,
  failed,
  fill,
  newJobs,
  newRun,
  packBatch,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';

export function testRuns(context: StoreContext): void {
  test('a new run is open, empty, and reads as it was written', async () => {
    const wanted = newRun({ name: 'My "run"', note: 'why', priority: 9, mode: 'realtime', simulated: true });
    const { run, attached } = await context.store.createRun(wanted, start);
    expect(attached).toBe(false);
    expect(run).toEqual({
      ...wanted,
      state: 'open',
      createdAt: start,
      counts: noCounts,
      reused: 0,
      reusedNanoUsd: 0,
      reservedNanoUsd: 0,
      isOverBudget: false,
      usage: { inputTokens: 0, outputTokens: 0, cachedTokens: 0 },
      costNanoUsd: 0,
      realtimeNanoUsd: 0,
    });
    expect(await context.store.getRun(run.id)).toEqual(run);
  });

  test('an unknown run is undefined, and changing it is not_found', async () => {
    expect(await context.store.getRun('run-nobody')).toBeUndefined();
    const options = { now: start, reuse: false, reopen: false };
    for (const attempt of [
      () => context.store.updateRun('run-nobody', { note: 'x' }, start),
      () => context.store.addJobs('run-nobody', [], options),
      () => context.store.requeueJobs('run-nobody', ['failed']),
      () => context.store.cancelQueuedJobs('run-nobody'),
      () => context.store.readResults('run-nobody', { limit: 1 }),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining('nobody') });
    }
  });

  test('the same fingerprint goes on with the unfinished run, the newest of them', async () => {
    const { store } = context;
    const old = (await store.createRun(newRun({ fingerprint: 'same' }), start)).run;
    const again = await store.createRun(newRun({ fingerprint: 'same' }), start + 1);
    expect(again).toMatchObject({ attached: true, run: { id: old.id, createdAt: start } });
    const fresh = await store.createRun(newRun({ fingerprint: 'same', fresh: true }), start + 2);
    expect(fresh.attached).toBe(false);
    expect(await store.createRun(newRun({ fingerprint: 'same' }), start + 3)).toMatchObject({
      attached: true,
      run: { id: fresh.run.id },
    });
    expect(await store.createRun(newRun({ fingerprint: 'other' }), start + 3)).toMatchObject({ attached: false });
    expect(await store.listRuns()).toHaveLength(3);
  });

  test('a run that has ended, or is being cancelled, is not gone on with', async () => {
    const { store } = context;
    for (const state of ['ended', 'cancelling'] as const) {
      const { run } = await store.createRun(newRun({ fingerprint: state }), start);
      await store.updateRun(run.id, { state: 'running' }, start);
      await store.updateRun(run.id, { state }, start);
      expect(await store.createRun(newRun({ fingerprint: state }), start)).toMatchObject({ attached: false });
    }
  });

  test('of many asking at once for the same run, one makes it', async () => {
    const stores = [context.store, context.store, context.store, context.store];
    const asked = await Promise.all(stores.map((store) => store.createRun(newRun({ fingerprint: 'one' }), start)));
    expect(asked.filter(({ attached }) => !attached)).toHaveLength(1);
    expect(new Set(asked.map(({ run }) => run.id)).size).toBe(1);
  });

  test('the list is newest first, cut at the limit, and by the literal beginning of the id', async () => {
    const { store } = context;
    for (const id of ['run-a-1', 'run-a-2', 'run-b-1', 'run-%-1', 'run-_-1'])
      await store.createRun(newRun({ id }), start);
    const ids = async (filter?: { limit?: number; idPrefix?: string }) =>
      (await store.listRuns(filter)).map((run) => run.id);
    expect(await ids()).toEqual(['run-_-1', 'run-%-1', 'run-b-1', 'run-a-2', 'run-a-1']);
    expect(await ids({ limit: 2 })).toEqual(['run-_-1', 'run-%-1']);
    expect(await ids({ idPrefix: 'run-a' })).toEqual(['run-a-2', 'run-a-1']);
    expect(await ids({ idPrefix: 'run-%' })).toEqual(['run-%-1']);
    expect(await ids({ idPrefix: 'run-_' })).toEqual(['run-_-1']);
    expect(await ids({ idPrefix: 'RUN' })).toEqual([]);
    expect(await ids({ limit: 0 })).toEqual([]);
  });

  test('unfinished runs can be listed alone', async () => {
    const { store } = context;
    for (const id of ['run-1', 'run-2', 'run-3', 'run-4']) await store.createRun(newRun({ id }), start);
    await store.updateRun('run-1', { state: 'running' }, start);
    await store.updateRun('run-2', { state: 'cancelling' }, start);
    await store.updateRun('run-3', { state: 'running' }, start);
    await store.updateRun('run-3', { state: 'ended' }, start);
    const ids = async (filter: { limit?: number }) =>
      (await store.listRuns({ ...filter, unfinished: true })).map((run) => run.id);
    expect(await ids({})).toEqual(['run-4', 'run-2', 'run-1']);
    expect(await ids({ limit: 1 })).toEqual(['run-4']);
  });

  test('state and note change by themselves', async () => {
    const { store } = context;
    const { run } = await store.createRun(newRun({ note: 'first' }), start);
    expect(await store.updateRun(run.id, { state: 'running' }, start + 1)).toMatchObject({
      state: 'running',
      note: 'first',
    });
    expect(await store.updateRun(run.id, { note: 'second' }, start + 2)).toMatchObject({
      state: 'running',
      note: 'second',
    });
    expect(await runOf(store, run.id)).toMatchObject({ state: 'running', note: 'second' });
  });

  test('`ended` is refused while a job is queued, packed or running', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(2));
    const refused = async () => {
      const answer = await store.updateRun(run.id, { state: 'ended' }, start);
      expect(answer.state).toBe('running');
      expect(answer.endedAt).toBeUndefined();
    };
    await store.updateRun(run.id, { state: 'running' }, start);
    await refused();
    const { lease, attempts } = await packBatch(store, lane);
    await refused();
    for (const state of ['packed', 'submitting', 'in_progress'] as const) {
      await store.updateBatch(lease, { state }, start);
    }
    await store.startJobs(lease, 0);
    await refused();
    await store.book(
      attempts.slice(0, 1).map((ref) => succeeded(ref)),
      lease,
    );
    await refused();
    await store.book(
      attempts.slice(1).map((ref) => succeeded(ref)),
      lease,
    );
    await endBatch(store, lease);
    const ended = await store.updateRun(run.id, { state: 'ended' }, start + 9);
    expect(ended).toMatchObject({ state: 'ended', endedAt: start + 9 });
  });

  test('every move of a run: what the table does not allow changes nothing', async () => {
    const { store } = context;
    const way: Record<RunState, RunState[]> = {
      open: [],
      running: ['running'],
      cancelling: ['cancelling'],
      ended: ['running', 'ended'],
    };
    for (const from of runStates) {
      for (const to of runStates) {
        const { run } = await store.createRun(newRun(), start);
        for (const state of way[from]) await store.updateRun(run.id, { state }, start);
        const after = await store.updateRun(run.id, { state: to }, start + 1);
        expect(after.state, `${from} to ${to}`).toBe(from === to || runMoves[from].includes(to) ? to : from);
      }
    }
  });

  test('a run that is taken up again has no end any more', async () => {
    const { store } = context;
    const { run } = await store.createRun(newRun(), start);
    await store.updateRun(run.id, { state: 'running' }, start);
    await store.updateRun(run.id, { state: 'ended' }, start + 1);
    expect((await store.updateRun(run.id, { note: 'x' }, start + 2)).endedAt).toBe(start + 1);
    expect((await store.updateRun(run.id, { state: 'running' }, start + 3)).endedAt).toBeUndefined();
  });

  test('jobs that are queued again revive a run that had ended, and no other', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    await store.book(
      attempts.map((ref) => failed(ref)),
      lease,
    );
    await endBatch(store, lease);
    for (const state of ['running', 'ended'] as const) await store.updateRun(run.id, { state }, start);
    expect(await store.requeueJobs(run.id, ['cancelled'])).toBe(0);
    expect(await runOf(store, run.id)).toMatchObject({ state: 'ended', endedAt: start });
    expect(await store.requeueJobs(run.id, ['failed'])).toBe(1);
    const revived = await runOf(store, run.id);
    expect(revived).toMatchObject({ state: 'running', counts: { queued: 1, failed: 0 } });
    expect(revived.endedAt).toBeUndefined();
  });

  test('jobs that are queued again do not take back a cancel', async () => {
    const { store } = context;
    const { run } = await fill(store, newJobs(1));
    await store.cancelQueuedJobs(run.id);
    await store.updateRun(run.id, { state: 'cancelling' }, start);
    expect(await store.requeueJobs(run.id, ['cancelled'])).toBe(0);
    expect((await runOf(store, run.id)).state).toBe('cancelling');
  });

  test('cancelling makes its batches due at once', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, newJobs(1));
    const { lease, attempts } = await sendBatch(store, lane);
    await store.updateBatch(lease, { nextAt: start + 60_000 }, start, 'release');
    const scope = { accounts: ['fake:account-1'] };
    expect(await store.nextDue(scope)).toBe(start + 60_000);
    await store.updateRun(run.id, { state: 'cancelling' }, start);
    expect(await store.nextDue(scope)).toBeLessThanOrEqual(start);
    await store.book(
      attempts.map((ref) => succeeded(ref)),
      lease,
    );
    await endBatch(store, lease);
  });
}
