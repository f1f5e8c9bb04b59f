import { expect, test } from 'vitest';
import { chunkRows } from '../../store-rows.ts';
import { adding, first, newJob, runOf, start } from '../store/context.ts';
import { enqueueAll, newJobOf, queuedJob, queuedJobs, type ServedContext } from './context.ts';

export function testQueueing(context: ServedContext): void {
  test('the first job makes the run of its queue; those that follow join it, in order', async () => {
    const { service, store } = context;
    const [a, b] = await service.enqueue([queuedJob('a'), queuedJob('b', { priority: 9 })], start);
    const [c] = await service.enqueue([queuedJob('c')], start + 5);
    const { runId } = newJobOf(a);
    expect([newJobOf(b).runId, newJobOf(c).runId]).toEqual([runId, runId]);
    expect([newJobOf(b).job - newJobOf(a).job, newJobOf(c).job - newJobOf(b).job]).toEqual([1, 1]);
    expect(await runOf(store, runId)).toMatchObject({
      queue: 'scoring',
      state: 'open',
      mode: 'auto',
      provider: 'fake',
      model: 'model-1',
      maxAttempts: 3,
      simulated: false,
      fresh: false,
      createdAt: start,
      recipe: { type: 'requests', version: 1 },
      source: { type: 'queue' },
      counts: { queued: 3, packed: 0 },
    });
    const keys = [a, b, c].map((each) => `scoring_${newJobOf(each).job.toString(36)}`);
    expect((await store.readResults(runId, { limit: 9 })).map(({ key }) => key)).toEqual(keys);
  });

  test('one call takes jobs of several queues, providers, models and priorities: a run for each queue and provider', async () => {
    const { service, store } = context;
    const enqueued = await service.enqueue(
      [
        queuedJob('a'),
        queuedJob('b', { queue: 'embedding' }),
        queuedJob('c', { lane: { provider: 'other', account: 'other:1' } }),
        queuedJob('d', { lane: { model: 'model-2' }, priority: 1 }),
      ],
      start,
    );
    const [a, b, c, d] = enqueued.map((each) => newJobOf(each).runId);
    expect(new Set([a, b, c])).toHaveProperty('size', 3);
    expect(d).toBe(a);
    const runs = await store.listRuns();
    expect(runs.map(({ queue, provider, model, counts }) => [queue, provider, model, counts.queued])).toEqual([
      ['scoring', 'other', 'model-1', 1],
      ['embedding', 'fake', 'model-1', 1],
      ['scoring', 'fake', '*', 2],
    ]);
    expect(new Set(runs.map(({ fingerprint }) => fingerprint))).toHaveProperty('size', 3);
  });

  test('the run is made as its first job says', async () => {
    const { service, store } = context;
    const [enqueued] = await service.enqueue([queuedJob('a', { simulated: true, maxAttempts: 7 })], start);
    await service.enqueue([queuedJob('b', { simulated: false, maxAttempts: 1 })], start);
    expect(await runOf(store, newJobOf(enqueued).runId)).toMatchObject({ simulated: true, maxAttempts: 7 });
  });

  test('a full chunk, and then another', async () => {
    const { service, store } = context;
    const jobs = [
      ...(await enqueueAll(service, queuedJobs(chunkRows))),
      ...(await enqueueAll(service, queuedJobs(chunkRows))),
    ];
    expect(new Set(jobs).size).toBe(2 * chunkRows);
    expect(first(await store.listRuns()).counts.queued).toBe(2 * chunkRows);
    expect(await service.enqueue([], start)).toEqual([]);
  });

  test('a chunk that is refused leaves nothing behind, neither its run', async () => {
    const { service, store } = context;
    const half = { key: 'a\ud800', hash: 'x' };
    await expect(service.enqueue([queuedJob('a'), queuedJob('b', { idempotency: half })], start)).rejects.toMatchObject(
      {
        code: 'usage',
      },
    );
    await expect(service.enqueue([queuedJob('a'), queuedJob('b', { queue: 'x\ud800' })], start)).rejects.toMatchObject({
      code: 'usage',
    });
    expect(await store.listRuns()).toEqual([]);
    expect(await service.listQueues()).toEqual([]);
  });

  test('several connections queue at once: one run, no job twice, none lost', async () => {
    const stores = [context.store, await context.second(), await context.second()];
    const enqueued = await Promise.all(
      stores.flatMap((store, i) =>
        Array.from({ length: 20 }, (_, n) => store.service.enqueue(queuedJobs(5, {}, `w${i}-${n}`), start)),
      ),
    );
    const jobs = enqueued.flat().map(newJobOf);
    expect(new Set(jobs.map(({ job }) => job)).size).toBe(300);
    expect(new Set(jobs.map(({ runId }) => runId)).size).toBe(1);
    expect(first(await context.store.listRuns()).counts.queued).toBe(300);
  });

  test('a queue takes jobs by no other way', async () => {
    const { service, store } = context;
    const [enqueued] = await service.enqueue([queuedJob('a')], start);
    const { runId } = newJobOf(enqueued);
    expect(await store.addJobs(runId, [newJob('x')], adding)).toMatchObject({ added: 0, closed: true });
    expect((await runOf(store, runId)).counts.queued).toBe(1);
  });

  test('what people watch: the run, and once for each call and run how many jobs came', async () => {
    const { service, views } = context;
    const [a] = await service.enqueue([...queuedJobs(3), ...queuedJobs(2, { queue: 'embedding' })], start);
    await service.enqueue(queuedJobs(1), start + 7);
    const { runId } = newJobOf(a);
    const events = await views.listEvents({ after: 0, limit: 99, runId });
    expect(events.map(({ at, type, detail }) => [at - start, type, detail])).toEqual([
      [0, 'run_created', undefined],
      [0, 'jobs_queued', '3'],
      [7, 'jobs_queued', '1'],
    ]);
    expect(await views.listEvents({ after: 0, limit: 99 })).toHaveLength(5);
  });
}

/** The same key gives the same job, whoever asks and whenever. */
export function testIdempotency(context: ServedContext): void {
  const once = (key: string, hash = 'body-1', name = 'a') => queuedJob(name, { idempotency: { key, hash } });

  test('fifty at once with one key, by three connections: one job, fifty answers', async () => {
    const stores = [context.store, await context.second(), await context.second()];
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => stores[i % 3]?.service.enqueue([once('token key')], start)),
    );
    const all = answers.flat();
    expect(all.filter((answer) => answer?.type === 'queued')).toHaveLength(1);
    expect(all.filter((answer) => answer?.type === 'same')).toHaveLength(49);
    expect(new Set(all.map((answer) => answer?.type !== 'conflict' && answer?.job)).size).toBe(1);
    expect(first(await context.store.listRuns()).counts.queued).toBe(1);
  });

  test('with another body it is a conflict, and nothing is queued', async () => {
    const { service, store } = context;
    const made = newJobOf((await service.enqueue([once('k')], start))[0]);
    expect(await service.enqueue([once('k', 'body-2'), queuedJob('b'), once('k')], start)).toEqual([
      { type: 'conflict' },
      { type: 'queued', job: made.job + 1, runId: made.runId },
      { type: 'same', job: made.job, runId: made.runId },
    ]);
    expect((await runOf(store, made.runId)).counts.queued).toBe(2);
  });

  test('twice in one call', async () => {
    const answers = await context.service.enqueue([once('k'), once('k'), once('k', 'body-2')], start);
    expect(answers.map(({ type }) => type)).toEqual(['queued', 'same', 'conflict']);
  });

  test('a known key makes no run: its job is named though it was sent long ago', async () => {
    const { service, store } = context;
    const made = newJobOf((await service.enqueue([once('k')], start))[0]);
    await service.sealQueues([made.runId], start);
    expect(await service.enqueue([once('k')], start + 99)).toEqual([{ ...made, type: 'same' }]);
    expect(await store.listRuns()).toHaveLength(1);
  });

  test('it outlives the process', async () => {
    const made = newJobOf((await context.service.enqueue([once('k')], start))[0]);
    const reopened = await context.reopen();
    expect(await reopened.service.enqueue([once('k')], start)).toEqual([{ ...made, type: 'same' }]);
    expect(await reopened.service.enqueue([once('k', 'body-2')], start)).toEqual([{ type: 'conflict' }]);
  });

  test('keys differ by every byte', async () => {
    const { service } = context;
    const keys = ['a', 'A', 'a ', 'a\u0000', 'a\u0000b', 'é', 'e\u0301', '', '1', '01', "'"];
    const answers = await service.enqueue(
      keys.map((key) => once(key)),
      start,
    );
    expect(answers.map(({ type }) => type)).toEqual(keys.map(() => 'queued'));
  });
}
