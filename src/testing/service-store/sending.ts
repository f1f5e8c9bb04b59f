import { expect, test } from 'vitest';
import {
  attemptsOf,
  batchLane,
  everything,
  leaseFor,
  leaseOf,
  newJobs,
  nonce,
  room,
  runOf,
  start,
} from '../store/context.ts';
import { drain, enqueueAll, newJobOf, queuedJob, queuedJobs, type ServedContext, sendQueue } from './context.ts';

const runOfJob = async ({ service }: ServedContext, ...jobs: Parameters<typeof queuedJob>[]) =>
  newJobOf(
    (
      await service.enqueue(
        jobs.map((job) => queuedJob(...job)),
        start,
      )
    )[0],
  ).runId;

export function testSending(context: ServedContext): void {
  test('a held job is in no lane; when its queue is sent it is', async () => {
    const { service, store } = context;
    const runId = await runOfJob(context, ['a']);
    expect(await store.findLanes(everything, start)).toEqual([]);
    expect(await service.sealQueues([runId], start + 3)).toEqual([runId]);
    expect(await store.findLanes(everything, start)).toMatchObject([{ ...batchLane, runId, readyAt: start }]);
    expect(await runOf(store, runId)).toMatchObject({ state: 'running', counts: { queued: 1 } });
    const events = await context.views.listEvents({ after: 0, limit: 9, runId });
    expect(events.at(-1)).toMatchObject({ type: 'run_running', at: start + 3 });
  });

  test('a queue that was sent takes no more jobs: the next ones make a run of their own', async () => {
    const { service, store } = context;
    const runId = await runOfJob(context, ['a']);
    await service.sealQueues([runId], start);
    const next = await runOfJob(context, ['b']);
    expect(next).not.toBe(runId);
    expect((await runOf(store, runId)).counts.queued).toBe(1);
    // Nor by a move that other runs may make.
    expect(await store.updateRun(runId, { state: 'open' }, start)).toMatchObject({ state: 'running' });
    expect(await service.sealQueues([runId, next, 'no-such-run'], start)).toEqual([next]);
  });

  test('runs that no queue made are not sealed', async () => {
    const { service, store } = context;
    const { run } = await store.createRun(
      {
        id: 'run-plain',
        fingerprint: 'plain',
        mode: 'auto',
        provider: 'fake',
        model: 'model-1',
        priority: 5,
        maxAttempts: 3,
        concurrency: 5,
        timeoutMs: 1000,
        simulated: false,
        fresh: false,
        primeCache: false,
        recipe: { type: 'prompt' },
        source: { type: 'files' },
      },
      start,
    );
    await store.addJobs(run.id, newJobs(1), { now: start, reuse: false, reopen: false });
    expect(await service.sealQueues([run.id], start)).toEqual([]);
    expect(await store.findLanes(everything, start)).toHaveLength(1);
  });

  test('a cancelled run lets nothing go and takes nothing', async () => {
    const { service, store } = context;
    const runId = await runOfJob(context, ['a'], ['b']);
    await store.updateRun(runId, { state: 'cancelling' }, start);
    expect(await service.release(runId, 5)).toBe(0);
    expect(await service.listQueues()).toEqual([]);
    expect(await runOfJob(context, ['c'])).not.toBe(runId);
    expect(await drain(() => store.cancelQueuedJobs(runId))).toBe(2);
    expect(await store.updateRun(runId, { state: 'ended' }, start)).toMatchObject({ state: 'ended' });
  });

  test('jobs of an open run that are cancelled are held no more', async () => {
    const { service, store } = context;
    const runId = await runOfJob(context, ['a'], ['b', { priority: 8 }]);
    expect(await store.cancelQueuedJobs(runId)).toBe(2);
    expect(await service.listQueues()).toEqual([]);
  });

  test('the unsent work of a queue goes to another account, held and released alike', async () => {
    const { service, store } = context;
    const runId = await runOfJob(context, ['a', { priority: 9 }], ['b'], ['c']);
    await service.release(runId, 1);
    expect(await store.moveAccount(runId, batchLane.account, 'fake:account-2')).toBe(true);
    const elsewhere = { accounts: ['fake:account-2'] };
    expect(await store.findLanes(everything, start)).toEqual([]);
    expect(await store.findLanes(elsewhere, start)).toHaveLength(1);
    // Jobs that come for the new account find its held lane.
    await enqueueAll(service, [queuedJob('d', { lane: { account: 'fake:account-2' } })]);
    await enqueueAll(service, [queuedJob('e')]);
    expect(await store.moveAccount(runId, batchLane.account, 'fake:account-2')).toBe(true);
    expect(await service.listQueues()).toMatchObject([{ runId, held: 4 }]);
    expect(await service.release(runId, 10)).toBe(4);
    expect(await store.findLanes(elsewhere, start)).toHaveLength(1);
  });
}

export function testMarks(context: ServedContext): void {
  const mark = (dueAt: number) => ({ name: 'nightly', dueAt });

  test('two handles that see the same moment: one sends, in each of 50 rounds', async () => {
    const stores = [context.store, await context.second()];
    for (let round = 0; round < 50; round++) {
      const runId = await runOfJob(context, [`job-${round}`]);
      const sealed = await Promise.all(
        stores.map(({ service }) => service.sealQueues([runId], start, mark(start + round))),
      );
      expect(sealed).toEqual(expect.arrayContaining(['marked', [runId]]));
    }
    expect(await context.service.lastMark('nightly')).toBe(start + 49);
  });

  test('what is marked is not sent again after a restart; the queue goes on to wait', async () => {
    const runId = await runOfJob(context, ['a']);
    expect(await context.service.sealQueues([], start, mark(start))).toEqual([]);
    const { service, findLanes } = await context.reopen();
    expect(await service.sealQueues([runId], start, mark(start))).toBe('marked');
    expect(await findLanes(everything, start)).toEqual([]);
    expect(await service.sealQueues([runId], start, mark(start + 86_400_000))).toEqual([runId]);
  });

  test('marks are of their schedule, and the latest is found whatever came last', async () => {
    const { service } = context;
    expect(await service.lastMark('nightly')).toBeUndefined();
    await service.sealQueues([], start, mark(start + 9));
    await service.sealQueues([], start, mark(start + 4));
    await service.sealQueues([], start, { name: 'weekly', dueAt: start + 50 });
    expect(await service.lastMark('nightly')).toBe(start + 9);
  });
}

export function testQueueStates(context: ServedContext): void {
  test('what is held: by priority, in bytes, since when', async () => {
    const { service } = context;
    expect(await service.listQueues()).toEqual([]);
    await service.enqueue([queuedJob('a', { priority: 3 })], start);
    await service.enqueue(
      [queuedJob('b', { priority: 8, lane: { model: 'model-2' } }), queuedJob('c', { priority: 3 })],
      start + 10,
    );
    await service.enqueue([queuedJob('d', { queue: 'embedding' })], start + 20);
    const bytes = '{"input":"a"}'.length;
    const [embedding, scoring] = await service.listQueues();
    expect(embedding).toMatchObject({ queue: 'embedding', held: 1, bytes, oldestAt: start + 20 });
    expect(scoring).toEqual({
      runId: scoring?.runId,
      queue: 'scoring',
      provider: 'fake',
      simulated: false,
      held: 3,
      priorities: [
        { priority: 8, jobs: 1 },
        { priority: 3, jobs: 2 },
      ],
      bytes: 3 * bytes,
      oldestAt: start,
    });
    // The oldest leaves: the next one is.
    await service.cancelJob((await enqueueAll(service, [queuedJob('e')], start + 30))[0] ?? 0);
    await service.release(scoring?.runId ?? '', 1);
    expect((await service.listQueues())[1]).toMatchObject({
      held: 2,
      priorities: [{ priority: 3, jobs: 2 }],
      oldestAt: start,
    });
    await service.sealQueues([scoring?.runId ?? ''], start);
    expect(await service.listQueues()).toMatchObject([{ queue: 'embedding' }]);
  });

  test('a queue whose run went on to the end is packed as a whole', async () => {
    const { store } = context;
    const { lane, runId } = await sendQueue(store, queuedJobs(5));
    const batch = await store.openBatch(lane, nonce(), leaseFor());
    expect(await store.packJobs(leaseOf(batch), room())).toMatchObject({ packed: 5 });
    expect(await attemptsOf(store, batch.id)).toHaveLength(5);
    expect((await runOf(store, runId)).counts).toMatchObject({ packed: 5, queued: 0 });
  });
}
