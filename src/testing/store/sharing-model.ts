import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Store } from '../../store.ts';
import type { BookRow, Lease } from '../../store-rows.ts';
import {
  adding,
  batchLane,
  endBatch,
  first,
  laneOf,
  leaseFor,
  leaseOf,
  moveThrough,
  newJob,
  newRun,
  nonce,
  packBatch,
  room,
  runOf,
  type StoreContext,
  start,
  succeeded,
} from './context.ts';

const runCount = 3;
/** The last of them sends all its own. */
const freshRun = 2;
const run = fc.nat(runCount - 1);
const operation = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('add' as const), run, key: fc.nat(5), body: fc.nat(1), count: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('pack' as const), run, requests: fc.nat(3) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('book' as const),
      row: fc.nat(30),
      // Few successes: an answered request is of no more interest.
      outcome: fc.constantFrom(
        'failed',
        'failed',
        'expired',
        'cancelled',
        'returned',
        'returned',
        'failed',
        'succeeded',
      ),
      next: fc.constantFrom('retry', 'failed', 'retry', 'cancelled', 'retry', 'queued'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('settle' as const) }) },
  { weight: 9, arbitrary: fc.record({ type: fc.constant('work' as const), run }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose' as const), run }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), run }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('requeue' as const), run }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface Attempt {
  job: number;
  attempt: number;
  lease: Lease | undefined;
  body: string;
  owner: string | undefined;
  isFresh: boolean;
}

interface Model {
  store: Store;
  runs: { id: string; lane: number }[];
  /** What is with the provider now. */
  open: Attempt[];
  batches: Lease[];
}

const bodyOf = (n: number) => `{"q":${n}}`;
const answerTo = (body: string) => `answer to ${body}`;

/**
 * Three runs that ask the same few things, in any order of calls: a request is with the provider once at a time, nobody
 * waits for ever, and everybody gets the answer to what he asked.
 */
export function testSharingModel(context: StoreContext): void {
  test('the same requests in several runs: each is under way once, and everybody is answered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 60 }), async (operations) => {
        const model = await begin(context.store);
        for (const step of operations) {
          await apply(model, step);
          const bodies = model.open.filter(({ isFresh }) => !isFresh).map(({ body }) => body);
          expect(new Set(bodies).size, `sent twice at a time, after ${JSON.stringify(step)}`).toBe(bodies.length);
        }
        await drain(model);
      }),
      { numRuns: 150, interruptAfterTimeLimit: 8_000, markInterruptAsFailure: false },
    );
  });

  test('any number of followers is settled in chunks, and a crash between them loses none', async () => {
    const { store } = context;
    const made = await store.createRun(newRun(), start);
    for (let i = 0; i < 3000; i += 500) {
      const jobs = Array.from({ length: 500 }, (_, k) => newJob(`same-${i + k}`, '{"q":"same"}'));
      await store.addJobs(made.run.id, jobs, adding);
    }
    const lane = await laneOf(store, made.run);
    const sent = await packBatch(store, lane);
    for (let spared = 499; spared < 2999; ) {
      spared += (await store.packJobs(sent.lease, room())).spared;
    }
    await moveThrough(store, sent.lease, ['packed', 'submitting', 'in_progress']);
    await store.startJobs(sent.lease, 0);
    await store.book([succeeded(first(sent.attempts))], sent.lease);
    const before = (await runOf(store, made.run.id)).counts.succeeded;
    expect(await store.settleFollowers()).toBeLessThanOrEqual(500);
    const after = (await runOf(store, made.run.id)).counts.succeeded;
    expect(after - before).toBeLessThanOrEqual(500);
    const other = await context.second();
    while ((await other.settleFollowers()) > 0);
    expect((await runOf(store, made.run.id)).counts.succeeded).toBe(3000);
    await endBatch(store, sent.lease);
  });
}

let rounds = 0;

async function begin(store: Store): Promise<Model> {
  const runs = [];
  rounds += 1;
  for (let i = 0; i < runCount; i++) {
    const made = await store.createRun(newRun({ maxAttempts: 9, fresh: i === freshRun }), start);
    // Every round asks other things than the one before.
    await store.addJobs(made.run.id, [newJob('first', bodyIn(0))], adding);
    const [lane] = await store.findLanes({ accounts: [batchLane.account], runId: made.run.id }, start);
    runs.push({ id: made.run.id, lane: lane?.id ?? 0 });
  }
  return { store, runs, open: [], batches: [] };
}

const bodyIn = (n: number) => bodyOf(rounds * 100 + n);

async function apply(model: Model, step: Operation): Promise<void> {
  const { store, runs } = model;
  const own = 'run' in step ? runs[step.run] : undefined;
  switch (step.type) {
    case 'add': {
      const jobs = Array.from({ length: step.count }, (_, i) =>
        newJob(`${step.body}-${step.key + i}`, bodyIn(step.body)),
      );
      // One job's request changes as often as it may.
      if (step.key === 0) jobs.push(newJob('first', bodyIn(step.body)));
      await store.addJobs(own?.id ?? '', jobs, adding);
      return;
    }
    case 'pack':
      return pack(model, own?.lane ?? 0, step.requests, step.run === freshRun);
    case 'book': {
      const ref = model.open[step.row % Math.max(model.open.length, 1)];
      if (ref) await bookOne(model, ref, step.outcome, step.next);
      return;
    }
    case 'settle':
      await store.settleFollowers();
      return;
    case 'work': {
      // As a worker's loop does.
      await store.checkFollowers(own?.id ?? '', 0);
      await store.settleFollowers();
      const owner = `caller-${step.run}`;
      const jobs = await store.claimJobs(own?.lane ?? 0, 2, leaseFor(owner));
      const rest = { lease: undefined, owner, isFresh: step.run === freshRun };
      model.open.push(...jobs.map(({ job, attempt, body }) => ({ job, attempt, body, ...rest })));
      return;
    }
    case 'lose': {
      const owner = `caller-${step.run}`;
      await store.releaseOwner(owner, start);
      model.open = model.open.filter((attempt) => attempt.owner !== owner);
      return;
    }
    case 'cancel':
      await store.cancelQueuedJobs(own?.id ?? '');
      return;
    case 'requeue':
      await store.requeueJobs(own?.id ?? '', ['failed', 'cancelled']);
  }
}

async function pack(model: Model, lane: number, requests: number, isFresh: boolean): Promise<void> {
  const { store } = model;
  const batch = await store.openBatch(lane, nonce(), leaseFor('batcher'));
  const lease = leaseOf(batch);
  await store.packJobs(lease, room({ requests }));
  model.batches.push(lease);
  const sent = await store.readRequests(batch.id, 0, 100);
  model.open.push(...sent.map(({ job, attempt, body }) => ({ job, attempt, body, lease, owner: undefined, isFresh })));
  await store.startJobs(lease, 0);
}

async function bookOne(model: Model, ref: Attempt, outcome: BookRow['outcome'], next: BookRow['next']): Promise<void> {
  const { job, attempt, lease, body } = ref;
  const decided =
    outcome === 'succeeded' ? 'succeeded' : outcome === 'returned' && next !== 'cancelled' ? 'queued' : next;
  const row = { job, attempt, outcome, next: decided, at: start, output: answerTo(body) };
  await model.store.book([row], lease);
  model.open = model.open.filter((other) => other !== ref);
}

/** As workers do: all that is under way is answered, and what is queued is sent, until nothing is left. */
async function drain(model: Model): Promise<void> {
  const { store, runs } = model;
  for (let round = 0; round < 50; round++) {
    for (const ref of [...model.open]) await bookOne(model, ref, 'succeeded', 'succeeded');
    while ((await store.settleFollowers()) > 0);
    for (const { id, lane } of runs) {
      await store.checkFollowers(id, 0);
      const jobs = await store.claimJobs(lane, 100, leaseFor('caller-0'));
      const rest = { lease: undefined, owner: '', isFresh: false };
      model.open.push(...jobs.map(({ job, attempt, body }) => ({ job, attempt, body, ...rest })));
    }
    const counts = await Promise.all(runs.map(async ({ id }) => (await runOf(store, id)).counts));
    if (counts.every(({ queued, packed, running }) => queued + packed + running === 0)) break;
    expect(round, 'somebody waits for ever').toBeLessThan(40);
  }
  for (const { id } of runs) {
    for (const row of await store.readResults(id, { limit: 100, states: ['succeeded'] })) {
      if (row.key !== 'first') expect(row.output).toBe(answerTo(bodyIn(Number(row.key.split('-')[0]))));
    }
  }
  for (const lease of model.batches) await moveThrough(store, lease, ['abandoned']);
}
