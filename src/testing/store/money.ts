import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BookRow, ImportedRow } from '../../store-rows.ts';
import {
  adding,
  batchLane,
  endBatch,
  fill,
  first,
  leaseFor,
  moveThrough,
  newJobs,
  newRun,
  packBatch,
  realtimeLane,
  returned,
  runOf,
  type StoreContext,
  sendBatch,
  start,
} from './context.ts';

const usage = { inputTokens: 100, outputTokens: 20, cachedTokens: 30 };
const dayMs = 86_400_000;

const remote = {
  provider: 'fake',
  account: batchLane.account,
  model: 'model-9',
  remoteId: 'batch_elsewhere',
  endpoint: 'adopted',
  now: start,
};

const imported = (key: string, change: Partial<ImportedRow['row']> = {}, position = 1): ImportedRow => ({
  key,
  position,
  row: {
    outcome: 'succeeded',
    at: start,
    output: `answer ${key}`,
    usage,
    costNanoUsd: 7,
    realtimeNanoUsd: 14,
    ...change,
  },
});

/** What others submitted, and what all of it cost. */
export function testImports(context: StoreContext): void {
  test('results of a batch that was submitted elsewhere become a run; a key that is there is left alone', async () => {
    const { store } = context;
    const { run } = await store.createRun(newRun({ maxAttempts: 1 }), start);
    const bad = { outcome: 'expired' as const, errorCode: 'expired', errorMessage: 'too late' };
    const { usage: _, costNanoUsd: __, realtimeNanoUsd: ___, output: ____, ...none } = imported('c').row;
    const rows = [
      imported('a'),
      imported('b', { output: 'b' }, 2),
      { key: 'c', position: 3, row: { ...none, ...bad } },
      { key: 'd', position: 4, row: { ...none, outcome: 'cancelled' as const } },
      imported('a', { output: 'another a' }, 5),
    ];
    expect(await store.importResults(run.id, remote, rows)).toBe(4);
    expect(await store.importResults(run.id, remote, rows)).toBe(0);
    expect(await store.importResults(run.id, remote, [imported('e', {}, 6), imported('b', {}, 7)])).toBe(1);
    const after = await runOf(store, run.id);
    expect(after).toMatchObject({
      counts: { succeeded: 3, failed: 1, cancelled: 1, queued: 0 },
      costNanoUsd: 21,
      realtimeNanoUsd: 42,
      usage: { inputTokens: 300, outputTokens: 60, cachedTokens: 90 },
    });
    expect((await store.readResults(run.id, { limit: 10 })).map((row) => [row.key, row.state, row.output])).toEqual([
      ['a', 'succeeded', 'answer a'],
      ['b', 'succeeded', 'b'],
      ['c', 'failed', undefined],
      ['d', 'cancelled', undefined],
      ['e', 'succeeded', 'answer e'],
    ]);
    const batches = await store.listBatches({ runId: run.id });
    expect(batches).toMatchObject([{ remoteId: remote.remoteId, state: 'collected', requests: 5, model: 'model-9' }]);
    // What was asked is not known: nothing of it is ever sent.
    expect(await store.requeueJobs(run.id, ['failed', 'cancelled'])).toBe(0);
    expect(await store.findLanes({ runId: run.id }, start)).toEqual([]);
    await store.updateRun(run.id, { state: 'running' }, start);
    expect((await store.updateRun(run.id, { state: 'ended' }, start)).state).toBe('ended');
  });

  test('which remote batches are ours, by account', async () => {
    const { store } = context;
    const { lane } = await fill(store, newJobs(1));
    const sent = await sendBatch(store, lane);
    await store.updateBatch(sent.lease, { remoteId: 'batch_ours' }, start);
    const asked = ['batch_ours', 'batch_foreign'];
    expect(await store.findRemotes(batchLane.account, asked)).toEqual(new Set(['batch_ours']));
    expect(await store.findRemotes('fake:account-2', asked)).toEqual(new Set());
    expect(await store.findRemotes(batchLane.account, [])).toEqual(new Set());
    await store.book(
      sent.attempts.map((ref) => returned(ref)),
      sent.lease,
    );
    await endBatch(store, sent.lease);
  });

  test('how long the last batches of a model took; those that were stopped are told apart', async () => {
    const { store } = context;
    for (const [i, change] of [{}, {}, { cancelRequested: true }, { cancelRequested: true, hedged: true }].entries()) {
      const { lane } = await fill(store, newJobs(1, batchLane, `b${i}`));
      const { lease, attempts } = await packBatch(store, lane);
      await moveThrough(store, lease, ['packed', 'submitting', 'in_progress']);
      const times = { submittedAt: start, endedAt: start + (i + 1) * 60_000 };
      await store.updateBatch(lease, { state: 'ended', ...times, ...change }, start);
      await store.book(
        attempts.map((ref) => returned(ref, { next: 'cancelled' })),
        lease,
      );
      await moveThrough(store, lease, ['collecting', 'collected']);
    }
    const known = await store.listDurations(batchLane.account, 'model-1', 10);
    expect(known).toEqual([
      { durationMs: 240_000, wasStopped: true },
      { durationMs: 180_000, wasStopped: true },
      { durationMs: 120_000, wasStopped: false },
      { durationMs: 60_000, wasStopped: false },
    ]);
    expect(await store.listDurations(batchLane.account, 'model-1', 1)).toEqual(known.slice(0, 1));
    expect(await store.listDurations(batchLane.account, 'model-2', 10)).toEqual([]);
  });

  test('costs by day, run, provider and model add up to the runs, to the nano-dollar', async () => {
    const { store } = context;
    const row = fc.record({
      days: fc.nat(3),
      cost: fc.option(fc.nat(1e12)),
      isBatch: fc.boolean(),
      ends: fc.constantFrom('succeeded', 'failed', 'imported', 'unused'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (rows) => {
        const { run } = await store.createRun(newRun({ maxAttempts: 1 }), start);
        const jobs = [...newJobs(12, batchLane, run.id), ...newJobs(12, realtimeLane, `now-${run.id}`)];
        await store.addJobs(run.id, jobs, adding);
        for (const [i, { days, cost, isBatch, ends }] of rows.entries()) {
          const money: Partial<BookRow> = {
            at: start + days * dayMs,
            ...(ends === 'unused' ? {} : { usage }),
            ...(cost === null || ends === 'unused' ? {} : { costNanoUsd: cost, realtimeNanoUsd: 2 * cost }),
          };
          if (ends === 'imported') {
            const { costNanoUsd: _, realtimeNanoUsd: __, ...plain } = imported(`import-${i}`).row;
            await store.importResults(run.id, remote, [
              { key: `import-${i}`, position: i, row: { ...plain, ...money } },
            ]);
            continue;
          }
          const outcome = ends === 'succeeded' ? 'succeeded' : 'failed';
          const lanes = await store.findLanes({ runId: run.id }, start);
          const lane = lanes.find((found) => found.mode === (isBatch ? 'batch' : 'realtime'))?.id ?? 0;
          if (isBatch) {
            const sent = await sendBatch(store, lane, { requests: 1 });
            await store.book([{ ...first(sent.attempts), at: start, ...money, outcome, next: outcome }], sent.lease);
            await endBatch(store, sent.lease);
          } else {
            const call = first(await store.claimJobs(lane, 1, leaseFor()));
            await store.book([{ ...call, at: start, ...money, outcome, next: outcome }], undefined);
          }
        }
        const costs = await store.listCosts({ runId: run.id });
        const sum = (of: (cost: (typeof costs)[number]) => number) => costs.reduce((all, one) => all + of(one), 0);
        const after = await runOf(store, run.id);
        const unpriced = rows.filter(({ cost, ends }) => cost === null && ends !== 'unused').length;
        expect(sum((cost) => cost.unpriced)).toBe(unpriced);
        expect(sum((cost) => cost.attempts)).toBe(rows.filter(({ ends }) => ends !== 'unused').length);
        expect(sum((cost) => cost.inputTokens)).toBe(after.usage.inputTokens);
        expect(sum((cost) => cost.cachedTokens)).toBe(after.usage.cachedTokens);
        const known = rows.reduce((all, { cost, ends }) => all + (ends === 'unused' ? 0 : (cost ?? 0)), 0);
        expect(sum((cost) => cost.costNanoUsd)).toBe(known);
        if (unpriced === 0) {
          expect(after.costNanoUsd).toBe(known);
          expect(after.realtimeNanoUsd).toBe(sum((cost) => cost.realtimeNanoUsd));
        } else expect(after.costNanoUsd).toBeUndefined();
        for (const { day, runId, provider, realtime } of costs) {
          expect(day).toMatch(/^2026-11-2\d$/);
          expect([runId, provider]).toEqual([run.id, 'fake']);
          expect(typeof realtime).toBe('boolean');
        }
        await store.cancelQueuedJobs(run.id);
      }),
      { numRuns: 25 },
    );
    const since = await store.listCosts({ since: '2026-11-22' });
    expect(since.every(({ day }) => day >= '2026-11-22')).toBe(true);
  });
}
