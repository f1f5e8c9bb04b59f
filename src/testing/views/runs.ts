import { expect, test } from 'vitest';
import type { ImportedRow } from '../../store-rows.ts';
import { newJobOf, queuedJob, queuedJobs, type ServedContext, sendQueue } from '../service-store/context.ts';
import {
  endBatch,
  failed,
  fill,
  newJobs,
  newRun,
  packBatch,
  runOf,
  sendBatch,
  start,
  succeeded,
} from '../store/context.ts';

const hour = 3_600_000;

export function testRunLists(context: ServedContext): void {
  test('newest first, page by page, each as the store knows it', async () => {
    const { store, views } = context;
    const runs = [];
    for (let i = 0; i < 5; i++) runs.push((await store.createRun(newRun(), start + i)).run.id);
    const page = await views.listRuns({ limit: 3 });
    expect(page.map(({ id }) => id)).toEqual(runs.slice(2).reverse());
    const next = await views.listRuns({ limit: 3, beforeSeq: page.at(-1)?.seq ?? 0 });
    expect(next.map(({ id }) => id)).toEqual(runs.slice(0, 2).reverse());
    const { seq: _, ...first } = next.at(-1) ?? { seq: 0 };
    expect(first).toEqual(await runOf(store, runs[0] ?? ''));
  });

  test('by queue, provider, state, time, id and name', async () => {
    const { service, store, views } = context;
    const other = { lane: { provider: 'other', account: 'other:1' } };
    const queued = async (change: Parameters<typeof queuedJob>[1], at: number) =>
      newJobOf((await service.enqueue([queuedJob('a', change)], at))[0]).runId;
    const sealed = await queued({}, start);
    await service.sealQueues([sealed], start);
    const open = await queued({}, start + hour);
    const elsewhere = await queued(other, start + 2 * hour);
    const embedding = await queued({ queue: 'embedding' }, start + 3 * hour);
    const plain = newRun({ id: 'run-plain', name: 'My "Report" 100%' });
    await store.createRun(plain, start + 4 * hour);
    await store.updateRun(plain.id, { state: 'running' }, start);
    await store.updateRun(plain.id, { state: 'ended' }, start);
    const list = async (filter: Omit<Parameters<typeof views.listRuns>[0], 'limit'>) =>
      (await views.listRuns({ limit: 9, ...filter })).map(({ id }) => id);
    expect(await list({ queue: 'scoring' })).toEqual([elsewhere, open, sealed]);
    expect(await list({ queue: '*' })).toEqual([embedding, elsewhere, open, sealed]);
    expect(await list({ queue: 'scoring', provider: 'fake' })).toEqual([open, sealed]);
    expect(await list({ provider: 'other' })).toEqual([elsewhere]);
    expect(await list({ state: 'running' })).toEqual([sealed]);
    expect(await list({ state: 'open', queue: 'scoring' })).toEqual([elsewhere, open]);
    expect(await list({ state: 'ended' })).toEqual([plain.id]);
    expect(await list({ since: start + hour })).toEqual([plain.id, embedding, elsewhere, open]);
    expect(await list({ since: start + hour, until: start + 3 * hour })).toEqual([elsewhere, open]);
    expect(await list({ until: start })).toEqual([]);
    expect(await list({ since: start + 5 * hour })).toEqual([]);
    expect(await list({ search: 'report' })).toEqual([plain.id]);
    expect(await list({ search: '%' })).toEqual([plain.id]);
    expect(await list({ search: sealed.slice(0, 8) })).toEqual([embedding, elsewhere, open, sealed]);
    expect(await list({ search: sealed.slice(1) })).toEqual([]);
  });

  test('a long time after, the newest are found from the time on', async () => {
    const { store, views } = context;
    const days = 5;
    for (let i = 0; i < days; i++) await store.createRun(newRun({ id: `run-${i}` }), start + i * 24 * hour);
    const since = start + 3 * 24 * hour;
    expect((await views.listRuns({ limit: 9, since })).map(({ id }) => id)).toEqual(['run-4', 'run-3']);
    expect((await views.listRuns({ limit: 9, until: start + 24 * hour })).map(({ id }) => id)).toEqual(['run-0']);
  });

  test('failures by their code, the most frequent first, with the words of the newest', async () => {
    const { store, views } = context;
    const { runId, lane } = await sendQueue(store, queuedJobs(7));
    const { lease, attempts } = await sendBatch(store, lane);
    await store.book(
      attempts.map((ref, i) =>
        i === 6
          ? succeeded(ref)
          : i === 5
            ? failed(ref, { outcome: 'cancelled', next: 'cancelled' })
            : failed(ref, { errorCode: i % 2 ? 'refused' : 'overloaded', errorMessage: `words ${i}` }),
      ),
      lease,
    );
    await endBatch(store, lease);
    expect(await views.listFailures(runId)).toEqual([
      { code: 'overloaded', jobs: 3, example: 'words 4' },
      { code: 'refused', jobs: 2, example: 'words 3' },
    ]);
    await expect(views.listFailures('no-such-run')).rejects.toMatchObject({ code: 'not_found' });
  });
}

export function testBatchLists(context: ServedContext): void {
  test('one that others submitted says how its rows ended and what they cost, as its run does', async () => {
    const { store, views } = context;
    const { run } = await store.createRun(newRun(), start);
    const endedAt = start - hour;
    const remote = { provider: 'fake', account: 'a', model: 'm', remoteId: 'theirs', endpoint: '/x', endedAt };
    const money = { usage: { inputTokens: 5, outputTokens: 5 }, costNanoUsd: 100, realtimeNanoUsd: 200 };
    const row = (key: string, change: Partial<ImportedRow['row']> = {}): ImportedRow => ({
      ...{ key, position: 1 },
      row: { outcome: 'succeeded', at: start, output: key, ...money, ...change },
    });
    const { costNanoUsd: _, ...unpriced } = row('d').row;
    const bring = (rows: ImportedRow[]) => store.importResults(run.id, { ...remote, now: start }, rows);
    await bring([row('a'), { ...row('b'), row: { outcome: 'expired', at: start } }]);
    // A second chunk, in which some of the first come again.
    await bring([row('a'), row('c', { outcome: 'failed' })]);
    const [batch] = await views.listBatches({ runId: run.id, limit: 9 });
    const { counts } = await runOf(store, run.id);
    expect(batch).toMatchObject({ requests: 3, succeeded: counts.succeeded, failed: counts.failed, endedAt });
    expect(batch).toMatchObject({ succeeded: 1, failed: 2, costNanoUsd: 200, realtimeNanoUsd: 400 });
    await bring([{ ...row('d'), row: unpriced }]);
    expect(await views.getBatch(batch?.id ?? 0)).not.toHaveProperty('costNanoUsd');
    // Where the provider does not say when it ended: when it was brought in.
    const { endedAt: __, ...silent } = { ...remote, remoteId: 'another', now: start };
    await store.importResults(run.id, silent, [row('e')]);
    expect(await views.listBatches({ runId: run.id, limit: 1 })).toMatchObject([{ endedAt: start, succeeded: 1 }]);
  });

  test('newest first: by run, queue, provider, state, time', async () => {
    const { store, views } = context;
    const scoring = await sendQueue(store, queuedJobs(4));
    const over = await sendBatch(store, scoring.lane, { requests: 2 });
    const money = { usage: { inputTokens: 5, outputTokens: 5 }, costNanoUsd: 100, realtimeNanoUsd: 200 };
    await store.book(
      over.attempts.map((ref, i) => (i === 0 ? succeeded(ref, money) : failed(ref))),
      over.lease,
    );
    await endBatch(store, over.lease);
    const running = await sendBatch(store, scoring.lane, { requests: 1 });
    const other = await sendQueue(
      store,
      queuedJobs(1, { queue: 'embedding', lane: { provider: 'other', account: 'other:1' } }),
    );
    const packed = await packBatch(store, other.lane);
    const plain = await packBatch(store, (await fill(store, newJobs(1))).lane);
    const [a, b, c, d] = [over, running, packed, plain].map(({ batch }) => batch.id);
    const list = async (filter: Omit<Parameters<typeof views.listBatches>[0], 'limit'>) =>
      (await views.listBatches({ limit: 9, ...filter })).map(({ id }) => id);
    expect(await list({})).toEqual([d, c, b, a]);
    expect(await list({ before: c ?? 0 })).toEqual([b, a]);
    expect((await views.listBatches({ limit: 1, before: c ?? 0 })).map(({ id }) => id)).toEqual([b]);
    expect(await list({ runId: scoring.runId })).toEqual([b, a]);
    expect(await list({ runId: scoring.runId, openOnly: true })).toEqual([b]);
    expect(await list({ queue: 'scoring' })).toEqual([b, a]);
    expect(await list({ queue: '*' })).toEqual([c, b, a]);
    expect(await list({ provider: 'other' })).toEqual([c]);
    expect(await list({ openOnly: true })).toEqual([d, c, b]);
    expect(await list({ openOnly: true, queue: 'scoring', provider: 'fake' })).toEqual([b]);
    expect(await list({ openOnly: true, queue: '*', since: start, before: c ?? 0 })).toEqual([b]);
    expect(await list({ states: ['collected'] })).toEqual([a]);
    expect(await list({ states: ['in_progress', 'collected'] })).toEqual([b, a]);
    expect(await list({ states: [] })).toEqual([]);
    expect(await list({ since: start })).toEqual([d, c, b, a]);
    expect(await list({ since: start + 1 })).toEqual([]);
    expect(await views.getBatch(a ?? 0)).toMatchObject({
      queue: 'scoring',
      state: 'collected',
      requests: 2,
      succeeded: 1,
      failed: 1,
      costNanoUsd: 100,
      realtimeNanoUsd: 200,
      cancelWanted: false,
    });
    expect((await views.listBatches({ limit: 9 })).at(-1)).toEqual(await views.getBatch(a ?? 0));
    expect(await views.getBatch(999)).toBeUndefined();
    await expect(list({ runId: 'no-such-run' })).rejects.toMatchObject({ code: 'not_found' });
  });

  test('one with an answer of unknown price says no cost', async () => {
    const { store, views } = context;
    const { lane } = await sendQueue(store, queuedJobs(1));
    const { batch, lease, attempts } = await sendBatch(store, lane);
    await store.book(
      attempts.map((ref) => succeeded(ref, { usage: { inputTokens: 1, outputTokens: 1 } })),
      lease,
    );
    await endBatch(store, lease);
    const summary = await views.getBatch(batch.id);
    expect(summary).not.toHaveProperty('costNanoUsd');
    expect(summary).toMatchObject({ succeeded: 1 });
  });
}

export function testEventLists(context: ServedContext): void {
  test('oldest first, after a cursor, of a run or a batch', async () => {
    const { store, views } = context;
    expect(await views.lastEventId()).toBe(0);
    const { runId, lane } = await sendQueue(store, queuedJobs(1));
    const other = await sendQueue(store, queuedJobs(1, { queue: 'embedding' }));
    const { batch } = await packBatch(store, lane);
    const all = await views.listEvents({ after: 0, limit: 99 });
    expect(all.map(({ type }) => type)).toEqual([
      'run_created',
      'jobs_queued',
      'run_running',
      'run_created',
      'jobs_queued',
      'run_running',
      'batch_packing',
    ]);
    const ids = all.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(await views.lastEventId()).toBe(ids.at(-1));
    expect(await views.listEvents({ after: ids[2] ?? 0, limit: 2 })).toEqual(all.slice(3, 5));
    expect(await views.listEvents({ after: 0, limit: 99, runId: other.runId })).toEqual(all.slice(3, 6));
    expect(await views.listEvents({ after: ids[1] ?? 0, limit: 99, runId })).toMatchObject([
      { type: 'run_running' },
      { batchId: batch.id },
    ]);
    expect(await views.listEvents({ after: 0, limit: 99, batchId: batch.id })).toEqual([
      { id: ids.at(-1), at: start, type: 'batch_packing', runId, batchId: batch.id },
    ]);
  });
}
