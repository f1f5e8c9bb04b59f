import { expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import type { LaneKey } from '../../store-rows.ts';
import {
  adding,
  batchLane,
  endBatch,
  failed,
  fill,
  first,
  newJob,
  newRun,
  runOf,
  type StoreContext,
  sendBatch,
  start,
  succeeded,
} from './context.ts';

const reusing = { ...adding, reuse: true };

async function answer(store: Store, body: string, output: string, lane: LaneKey = batchLane) {
  const filled = await fill(store, [newJob('first', body, lane)]);
  const { lease, attempts } = await sendBatch(store, filled.lane);
  const usage = { inputTokens: 10, outputTokens: 5 };
  const money = { usage, costNanoUsd: 100, realtimeNanoUsd: 200 };
  const rest = { response: `{"of":${JSON.stringify(output)}}`, finishReason: 'stop' };
  await store.book(
    attempts.map((ref) => succeeded(ref, { output, ...rest, ...money })),
    lease,
  );
  await endBatch(store, lease);
  return filled.run;
}

export function testReuse(context: StoreContext): void {
  test('the same request to the byte takes the answer that is there, for nothing', async () => {
    const { store } = context;
    await answer(store, '{"q":"1"}', 'one');
    const { run } = await store.createRun(newRun(), start);
    const jobs = [newJob('same', '{"q":"1"}'), newJob('other', '{"q":"2"}')];
    expect(await store.addJobs(run.id, jobs, reusing)).toMatchObject({ added: 1, reused: 1 });
    const row = first(await store.readResults(run.id, { limit: 1 }));
    expect(row).toMatchObject({
      key: 'same',
      state: 'succeeded',
      output: 'one',
      response: '{"of":"one"}',
      finishReason: 'stop',
      reused: true,
      attempts: 0,
      seconds: 0,
    });
    expect(row.costNanoUsd ?? 0).toBe(0);
    const after = await runOf(store, run.id);
    expect(after).toMatchObject({ reused: 1, costNanoUsd: 0, usage: { inputTokens: 0, outputTokens: 0 } });
    expect(after.counts).toMatchObject({ succeeded: 1, queued: 1 });
  });

  test('not without `reuse`, and not when a byte, the account or the endpoint differs', async () => {
    const { store } = context;
    await answer(store, '{"q":"1"}', 'one');
    const { run } = await store.createRun(newRun(), start);
    expect(await store.addJobs(run.id, [newJob('plain', '{"q":"1"}')], adding)).toMatchObject({ added: 1, reused: 0 });
    const different = [
      newJob('space', '{"q": "1"}'),
      newJob('case', '{"Q":"1"}'),
      newJob('account', '{"q":"1"}', { ...batchLane, account: 'fake:account-2' }),
      newJob('endpoint', '{"q":"1"}', { ...batchLane, endpoint: '/v1/elsewhere' }),
    ];
    expect(await store.addJobs(run.id, different, reusing)).toMatchObject({ added: 4, reused: 0 });
  });

  test('never from a job that failed, is cancelled, or is still under way', async () => {
    const { store } = context;
    const jobs = ['failed', 'running', 'waiting'].map((key) => newJob(key, `{"q":"${key}"}`));
    const { run, lane } = await fill(store, jobs);
    const { lease, attempts } = await sendBatch(store, lane, { requests: 2 });
    await store.book([failed(first(attempts), { output: 'half an answer' })], lease);
    const again = (await store.createRun(newRun(), start)).run;
    const asked = jobs.map(({ key, request }) => newJob(`again-${key}`, request?.body));
    expect(await store.addJobs(again.id, asked, reusing)).toMatchObject({ added: 3, reused: 0 });
    await store.cancelQueuedJobs(run.id);
    const third = (await store.createRun(newRun(), start)).run;
    expect(await store.addJobs(third.id, asked, reusing)).toMatchObject({ added: 3, reused: 0 });
    await store.book(
      attempts.slice(1).map((ref) => succeeded(ref)),
      lease,
    );
    await endBatch(store, lease);
  });

  test('an answer that was itself reused can be reused', async () => {
    const { store } = context;
    await answer(store, '{"q":"1"}', 'one');
    for (let round = 0; round < 3; round++) {
      const { run } = await store.createRun(newRun(), start);
      await store.addJobs(run.id, [newJob('x', '{"q":"1"}')], reusing);
      expect(first(await store.readResults(run.id, { limit: 1 }))).toMatchObject({ output: 'one', reused: true });
    }
  });

  test('a failed job that is reopened finds the answer that came meanwhile', async () => {
    const { store } = context;
    const { run, lane } = await fill(store, [newJob('x', '{"q":"1"}')], { maxAttempts: 1 });
    const { lease, attempts } = await sendBatch(store, lane);
    await store.book(
      attempts.map((ref) => failed(ref)),
      lease,
    );
    await endBatch(store, lease);
    await answer(store, '{"q":"1"}', 'one');
    const again = await store.addJobs(run.id, [newJob('x', '{"q":"1"}')], { ...reusing, reopen: true });
    expect(again).toMatchObject({ added: 0, reopened: 1, reused: 1 });
    const row = first(await store.readResults(run.id, { limit: 1 }));
    expect(row).toMatchObject({ state: 'succeeded', output: 'one', reused: true });
    expect(row.errorCode).toBeUndefined();
    expect((await runOf(store, run.id)).counts).toMatchObject({ succeeded: 1, failed: 0, queued: 0 });
  });

  test('the answer stays with the request it was given to, when the key meanwhile has another', async () => {
    const { store } = context;
    // Attempt 1 is lost, the item changes, then the late answer to the old request arrives.
    const { run, lane } = await fill(store, [newJob('x', '{"q":"old"}')]);
    const [claimed] = await store.claimJobs(lane, 1, { owner: 'gone', now: start, leaseMs: 1 });
    await store.releaseOwner('gone', start + 1);
    await store.addJobs(run.id, [newJob('x', '{"q":"new"}')], reusing);
    await store.book([succeeded(first(claimed ? [claimed] : []), { output: 'answer to old' })], undefined);
    const other = (await store.createRun(newRun(), start)).run;
    await store.addJobs(other.id, [newJob('y', '{"q":"new"}')], reusing);
    const row = first(await store.readResults(other.id, { limit: 1 }));
    expect(row.output).not.toBe('answer to old');
  });
}
