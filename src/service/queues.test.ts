import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../clock.ts';
import { OffpeakError } from '../errors.ts';
import { unfinishedOf } from '../job.ts';
import { createOffpeak } from '../offpeak.ts';
import type { Provider } from '../provider.ts';
import { createAnthropicProvider } from '../providers/anthropic/anthropic-provider.ts';
import { createGeminiProvider } from '../providers/gemini/gemini-provider.ts';
import { createOpenAIProvider } from '../providers/openai/openai-provider.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import type { ServiceStore } from '../service-store.ts';
import { jobTypes } from './contract/words.ts';
import { ownViews } from './own-side.ts';
import { checkPublicUrl } from './public-address.ts';
import { jobIdOf } from './public-ids.ts';
import { openStore, queuedJob, storeFolder } from './queue-fixtures.ts';
import { createQueues, type QueuesOptions } from './queues.ts';
import type { QueueInput, QueueOutcome } from './service.ts';
import { showBatchesAfter } from './show-batches.ts';
import { createServiceViews } from './views/service-views.ts';

vi.setConfig({ testTimeout: 30_000 });

const key = 'sk-test-0123456789abcdef';
const limits = { pollMinMs: 10, pollMaxMs: 50, absentListings: 2, absentGraceMs: 100 };

interface WorldOptions {
  /** Default: nobody listens there. */
  url?: string;
  maxRequests?: number;
  serviceStore?: (store: ServiceStore) => ServiceStore;
}

function createWorld({ url = 'http://127.0.0.1:9', maxRequests, serviceStore = (same) => same }: WorldOptions = {}) {
  const store = openStore(storeFolder());
  const how = { ...limits, ...(maxRequests === undefined ? {} : { maxRequests }) };
  const providers: Provider[] = [
    createOpenAIProvider({ baseUrl: `${url}/v1`, apiKey: key, limits: how }),
    createAnthropicProvider({ baseUrl: url, apiKey: key, limits: how }),
    createGeminiProvider({ baseUrl: url, apiKey: key, limits: how }),
  ];
  const offpeak = createOffpeak({ store, providers, retry: { baseMs: 10, maxMs: 50 } });
  const logs: { message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  let reached = 0;
  const options: QueuesOptions = {
    offpeak,
    store,
    serviceStore: serviceStore(store.service),
    views: store.views,
    providers,
    clock: systemClock,
    log: (_, message, fields = {}) => logs.push({ message, fields }),
    problemWithUrl: (address) => checkPublicUrl(address, { allowPrivate: false }),
    showBatches: (runId, after) => showBatchesAfter(shown, runId, after),
    onReached: () => {
      reached += 1;
    },
  };
  const queues = createQueues(options);
  const shown = createServiceViews({
    store,
    service: store.service,
    views: ownViews(store.views, false),
    queues,
    providers,
    version: '0.0.0',
  });
  return { store, queues, shown, offpeak, logs, reached: () => reached };
}

/** Works until every job that is not held has ended, and its run. */
async function workAll({ offpeak, store }: ReturnType<typeof createWorld>): Promise<void> {
  const stop = new AbortController();
  const working = offpeak.worker().run(stop.signal);
  await vi.waitFor(
    async () => {
      const { queued, packed, running, held } = await store.views.totals({ simulated: false });
      expect(queued - held + packed + running).toBe(0);
      const open = await store.listRuns({ unfinished: true });
      expect(open.filter(({ state, counts }) => state !== 'open' && unfinishedOf(counts) === 0)).toEqual([]);
    },
    { timeout: 20_000, interval: 20 },
  );
  stop.abort();
  await working;
}

const input = (change: Partial<QueueInput> = {}): QueueInput => ({
  jobType: 'creative_scoring',
  provider: 'openai',
  data: { script: 'Buy now' },
  priority: 5,
  ...change,
});

const many = (count: number, change: (index: number) => Partial<QueueInput> = () => ({})) =>
  Array.from({ length: count }, (_, index) => input({ data: { script: `Buy number ${index}` }, ...change(index) }));

function idOf(outcome: QueueOutcome | undefined): string {
  if (outcome?.type !== 'queued' && outcome?.type !== 'same') throw new Error(JSON.stringify(outcome));
  return outcome.jobId;
}

describe('taking jobs in', () => {
  test('answers in the order of the inputs: queued, or refused with the reason', async () => {
    const { queues, store } = createWorld();
    const outcomes = await queues.queue([
      input(),
      input({ priority: 11 }),
      input({ jobType: 'embedding_generation', provider: 'anthropic', data: { input: 'a' } }),
      input({ provider: 'gemini' }),
      input({ provider: 'bedrock' }),
    ]);
    expect(outcomes.map((outcome) => (outcome.type === 'refused' ? outcome.field : outcome.type))).toEqual([
      'queued',
      'priority',
      'job_type',
      'queued',
      'provider',
    ]);
    const details = await store.views.getJob(Number.parseInt(idOf(outcomes[0]).split('_').at(-1) ?? '', 36));
    expect(details).toMatchObject({ held: true, priority: 5, data: '{"script":"Buy now"}', queue: 'creative_scoring' });
    expect(await queues.queue([])).toEqual([]);
  });

  test('10,000 jobs at once have 10,000 ids, in their order', async () => {
    const { queues } = createWorld();
    const outcomes = await queues.queue(many(10_000));
    const numbers = outcomes.map((outcome) => Number.parseInt(idOf(outcome).split('_').at(-1) ?? '', 36));
    expect(new Set(numbers).size).toBe(10_000);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect((await queues.status()).total_queued).toBe(10_000);
  });

  test('calls of one turn share a transaction, many of them two', async () => {
    let transactions = 0;
    const { queues } = createWorld({
      serviceStore: (store) => ({
        ...store,
        enqueue: (jobs, now) => {
          transactions += 1;
          return store.enqueue(jobs, now);
        },
      }),
    });
    await queues.settings();
    const outcomes = await Promise.all(many(64).map((one) => queues.queue([one])));
    expect(new Set(outcomes.map(([outcome]) => idOf(outcome))).size).toBe(64);
    expect(transactions).toBe(2);
  });

  test('one idempotency key is one job, whoever asks at the same time; with another body a conflict', async () => {
    const { queues } = createWorld();
    const asked = input({ idempotencyKey: 'k-1' });
    const outcomes = (await Promise.all(Array.from({ length: 50 }, () => queues.queue([asked])))).flat();
    expect(outcomes.filter(({ type }) => type === 'queued')).toHaveLength(1);
    expect(outcomes.filter(({ type }) => type === 'same')).toHaveLength(49);
    expect(new Set(outcomes.map(idOf)).size).toBe(1);
    expect(await queues.queue([{ ...asked, priority: 6 }])).toMatchObject([{ type: 'conflict' }]);
    expect((await queues.status()).total_queued).toBe(1);
  });

  test('a fault of the store is a fault of the call; what was stored before it keeps its answer', async () => {
    let left = 1;
    const { queues } = createWorld({
      serviceStore: (store) => ({
        ...store,
        enqueue: (jobs, now) => {
          left -= 1;
          if (left >= 0 || left < -2) return store.enqueue(jobs, now);
          return Promise.reject(new OffpeakError('The disk is full.', { code: 'store_full' }));
        },
      }),
    });
    const outcomes = await queues.queue(many(60));
    expect(outcomes.slice(0, 40).every(({ type }) => type === 'queued')).toBe(true);
    expect(outcomes.at(-1)).toEqual({
      type: 'refused',
      field: '',
      message: 'was not stored, queue it again: The disk is full.',
    });
    expect(queues.fault()).toBe('The disk is full.');
    await expect(queues.queue(many(1))).rejects.toThrow('The disk is full.');
    await queues.queue(many(1));
    expect(queues.fault()).toBe(undefined);
  });

  test('a trigger that is reached by what is queued is looked at', async () => {
    const { queues, reached, logs, store } = createWorld();
    await queues.changeSettings(() => ({ queue_triggers: { creative_scoring: { count: 10 } } }));
    const before = reached();
    await queues.queue(many(9));
    expect(reached()).toBe(before);
    const [last] = await queues.queue(many(1));
    expect(reached()).toBe(before + 1);
    await queues.send();
    expect(logs.at(-1)?.fields).toMatchObject({ trigger: 'count', jobs: 10, job_type: 'creative_scoring' });
    expect((await queues.status()).total_queued).toBe(0);
    expect((await store.getRun(last?.type === 'queued' ? last.runId : ''))?.state).toBe('running');
  });

  test('a default model that was set holds at once', async () => {
    const { queues, store } = createWorld();
    await queues.changeSettings(() => ({ default_models: { 'creative_scoring:openai': 'gpt-4o' } }));
    const [outcome] = await queues.queue([input()]);
    const details = await store.views.getJob(Number.parseInt(idOf(outcome).split('_').at(-1) ?? '', 36));
    expect(details).toMatchObject({ model: 'gpt-4o' });
  });
});

test('the status: by queue and priority, and when each is sent next', async () => {
  const { queues } = createWorld();
  await queues.changeSettings(() => ({ queue_triggers: { '*:gemini': { schedule: false } } }));
  await queues.queue([...many(3, (index) => ({ priority: index === 0 ? 9 : 2 })), input({ provider: 'gemini' })]);
  const status = await queues.status();
  expect(status).toMatchObject({
    total_queued: 4,
    breakdown: { creative_scoring_openai: 3, creative_scoring_gemini: 1 },
  });
  expect(status.queues.map(({ provider, priorities, next_send_at }) => [provider, priorities, next_send_at])).toEqual([
    ['gemini', [{ priority: 5, count: 1 }], null],
    [
      'openai',
      [
        { priority: 9, count: 1 },
        { priority: 2, count: 2 },
      ],
      new Date((await queues.nextScheduled()) ?? 0).toISOString(),
    ],
  ]);
});

describe('sending by hand', () => {
  test('the first so many, the highest priority first, in as many batches as they need', async () => {
    const { queues, store, shown } = createWorld({ maxRequests: 4 });
    const outcomes = await queues.queue(many(20, (index) => ({ priority: (index % 10) + 1 })));
    const processed = await queues.process({ jobType: 'creative_scoring', provider: 'openai', maxJobs: 10 });
    expect(processed.jobs).toBe(10);
    expect(processed.batches.map(({ job_count, state, provider }) => [job_count, state, provider])).toEqual([
      [4, 'packed', 'openai'],
      [4, 'packed', 'openai'],
      [2, 'packed', 'openai'],
    ]);
    expect((await queues.status()).total_queued).toBe(10);
    const first = await shown.jobs({ batchId: processed.batches[0]?.batch_id ?? '', limit: 10 });
    // Priorities 10 and 9, in each the two that came first and second.
    const wanted = [9, 19, 8, 18].map((index) => idOf(outcomes[index]));
    expect(first.jobs.map(({ job_id }) => job_id).sort()).toEqual(wanted.sort());
    expect((await store.getRun(processed.runId ?? ''))?.state).toBe('open');
    // What comes now waits with the rest.
    await queues.queue(many(1));
    const rest = await queues.process({ jobType: 'creative_scoring', provider: 'openai', maxJobs: 1_000 });
    expect([rest.jobs, rest.batches.length, rest.runId]).toEqual([11, 3, processed.runId]);
    expect(await queues.process({ jobType: 'creative_scoring', provider: 'openai', maxJobs: 10 })).toEqual({
      runId: undefined,
      batches: [],
      jobs: 0,
    });
  });

  test('who asked for it is told of the end of the run, at an address that may be told', async () => {
    const { queues, store } = createWorld();
    await queues.queue([input()]);
    const first = { jobType: 'creative_scoring', provider: 'openai', maxJobs: 1 };
    await expect(queues.process({ ...first, callbackUrl: 'ftp://example.com' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('callback_url'),
    });
    const { runId = '' } = await queues.process({ ...first, callbackUrl: 'https://example.com/ended' });
    expect(await store.service.listRunCallbacks(runId)).toEqual(['https://example.com/ended']);
  });

  test('what does not exist is refused by name', async () => {
    const { queues } = createWorld();
    const nobody = { jobType: 'creative_scoring', provider: 'bedrock', maxJobs: 1 };
    await expect(queues.process(nobody)).rejects.toMatchObject({ code: 'usage' });
    await expect(queues.process({ ...nobody, jobType: 'x', provider: 'openai' })).rejects.toMatchObject({
      code: 'usage',
    });
  });

  test('every queue', async () => {
    const { queues, store } = createWorld();
    await queues.queue([input(), input({ provider: 'gemini' }), input({ jobType: 'bulk_prediction' })]);
    const runs = await queues.processAll();
    expect(runs).toHaveLength(3);
    for (const run of runs) expect((await store.getRun(run))?.state).toBe('running');
    expect(await queues.processAll()).toEqual([]);
  });
});

describe('on the sandbox', () => {
  async function openWorld() {
    const sandbox = await startSandbox({ stateDir: join(storeFolder(), 'sandbox') });
    onTestFinished(() => sandbox.close());
    return { sandbox, ...createWorld({ url: sandbox.url }) };
  }

  test('every type at every provider is really sent and answered, whoever sends the queue', async () => {
    const world = await openWorld();
    const { queues, store } = world;
    const inputs = jobTypes.flatMap((jobType) =>
      ['openai', 'anthropic', 'gemini'].flatMap((provider) => {
        const data =
          jobType === 'embedding_generation' ? { input: `text of ${provider}` } : { script: `${jobType} ${provider}` };
        const messages = [{ role: 'user', content: `Do ${jobType} for ${provider}` }];
        const talk = {
          messages,
          model: { openai: 'gpt-4o', anthropic: 'claude-sonnet-5-5', gemini: 'gemini-2.5-pro' }[provider],
        };
        return jobType === 'embedding_generation'
          ? [input({ jobType, provider, data })]
          : [input({ jobType, provider, data }), input({ jobType, provider, data: talk })];
      }),
    );
    const video = { video_url: 'https://cdn.example.com/ad.mp4', extract_hooks: true };
    inputs.push(input({ jobType: 'video_analysis', provider: 'gemini', data: video }));
    const outcomes = await queues.queue(inputs);
    const refused = outcomes.filter(({ type }) => type === 'refused');
    expect(refused).toHaveLength(1);
    // One queue by hand, the rest all at once.
    await queues.process({ jobType: 'creative_scoring', provider: 'openai', maxJobs: 1 });
    await queues.processAll();
    await workAll(world);
    const totals = await store.views.totals({ simulated: false });
    expect(totals).toMatchObject({ succeeded: outcomes.length - 1, failed: 0, held: 0, queued: 0 });
    const ledger = world.sandbox.ledger();
    expect(ledger.batches.reduce((sum, batch) => sum + batch.rows, 0)).toBe(outcomes.length - 1);
    for (const run of await store.listRuns()) expect([run.id, run.state]).toEqual([run.id, 'ended']);
    expect(await store.check()).toEqual([]);
  });

  test('single jobs, batches and runs by their public ids', async () => {
    const world = await openWorld();
    const { queues, store, shown } = world;
    const [one, two, three] = (await queues.queue(many(3))).map(idOf);
    if (!one || !two || !three) throw new Error('three were queued');
    expect(await queues.cancelJob(one)).toBe('cancelled');
    expect(await queues.cancelJob(one)).toBe('ended');
    expect(await queues.retryJob(two)).toBe(false);
    // It goes back released: a person has asked for it.
    expect(await queues.retryJob(one)).toBe(true);
    await workAll(world);
    expect((await shown.job(one)).status).toBe('succeeded');
    expect((await shown.job(two)).status).toBe('queued');
    const { runId } = await queues.process({ jobType: 'creative_scoring', provider: 'openai', maxJobs: 1 });
    const [batch] = (await shown.batches({ runId: runId ?? '', openOnly: true, limit: 10 })).batches;
    expect(await queues.cancelBatch(batch?.batch_id ?? '')).toBe(true);
    await queues.cancelRun(runId ?? '');
    await workAll(world);
    expect((await shown.job(three)).status).toBe('cancelled');
    expect((await store.getRun(runId ?? ''))?.state).toBe('ended');
    expect(await queues.retryRun(runId ?? '', ['cancelled'])).toBe(2);
    await workAll(world);
    expect((await shown.job(three)).status).toBe('succeeded');
    expect(await queues.retryRun(runId ?? '', ['failed'])).toBe(0);
    expect(await queues.cancelBatch(batch?.batch_id ?? '')).toBe(false);
  });

  test('the dead letters of a queue, or of all', async () => {
    const world = await openWorld();
    const { queues, store } = world;
    world.sandbox.setFaults({ rows: [{ match: {}, fault: { type: 'error', status: 400 } }] });
    await queues.queue([...many(2), input({ provider: 'gemini' })]);
    await queues.processAll();
    await workAll(world);
    expect(await store.views.totals({ simulated: false })).toMatchObject({ failed: 3 });
    world.sandbox.setFaults({});
    expect(await queues.retryFailed({ jobType: 'creative_scoring', provider: 'anthropic' })).toBe(0);
    expect(await queues.retryFailed({ provider: 'gemini' })).toBe(1);
    expect(await queues.retryFailed({})).toBe(2);
    await workAll(world);
    expect(await store.views.totals({ simulated: false })).toMatchObject({ succeeded: 3, failed: 0 });
  });
});

test('the work of the sandbox is not touched by a service with real providers', async () => {
  const { queues, store } = createWorld();
  const [queued] = await store.service.enqueue([queuedJob()], Date.now());
  if (queued?.type !== 'queued') throw new Error('it was not queued');
  await store.service.cancelJob(queued.job);
  const jobId = jobIdOf('creative_scoring', queued.job);
  const theirs = { code: 'conflict', message: expect.stringContaining('with --sandbox') };
  await expect(queues.retryJob(jobId)).rejects.toMatchObject(theirs);
  await expect(queues.cancelJob(jobId)).rejects.toMatchObject(theirs);
  await expect(queues.retryRun(queued.runId, ['cancelled'])).rejects.toMatchObject(theirs);
  await expect(queues.cancelRun(queued.runId)).rejects.toMatchObject(theirs);
});

test.each(['creative_scoring_zzz', 'nonsense', 'job_1', ''])('%j is no job of ours', async (id) => {
  const { queues } = createWorld();
  await queues.queue([input()]);
  await expect(queues.cancelJob(id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(queues.retryJob(id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(queues.cancelBatch(`openai_${id}`)).rejects.toMatchObject({ code: 'not_found' });
  await expect(queues.cancelRun(id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(queues.retryRun(id, ['failed'])).rejects.toMatchObject({ code: 'not_found' });
});

test('the number of a job under another type is none', async () => {
  const { queues } = createWorld();
  const [outcome] = await queues.queue([input()]);
  const other = idOf(outcome).replace('creative_scoring', 'bulk_prediction');
  await expect(queues.cancelJob(other)).rejects.toMatchObject({ code: 'not_found' });
});
