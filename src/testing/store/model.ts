import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canMoveJob, isEnded, type JobState, totalOf } from '../../job.ts';
import type { Store } from '../../store.ts';
import type { BookRow, Lease } from '../../store-rows.ts';
import {
  adding,
  batchLane,
  leaseFor,
  leaseOf,
  moveThrough,
  newJob,
  newRun,
  nonce,
  room,
  runOf,
  type StoreContext,
  start,
  statesOf,
} from './context.ts';

/** One thing that can be done to a run. The numbers are reduced to what there is at that moment. */
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('add' as const), from: fc.nat(12), count: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('reopen' as const), from: fc.nat(12), count: fc.nat(4) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('pack' as const), requests: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('send' as const), batch: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('call' as const), count: fc.nat(3), owner: fc.nat(1) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('book' as const),
      row: fc.nat(30),
      outcome: fc.constantFrom('succeeded', 'failed', 'expired', 'cancelled', 'returned'),
      next: fc.constantFrom('failed', 'cancelled', 'retry', 'queued'),
      cost: fc.nat(1000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('lose' as const), owner: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('requeue' as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

interface Model {
  store: Store;
  runId: string;
  lane: number;
  batches: Lease[];
  /** Every attempt that ever was handed out, its batch when it had one. */
  attempts: { job: number; attempt: number; lease: Lease | undefined }[];
  /** What the run must have cost: each attempt's end once. */
  cost: number;
  ended: Set<string>;
  lost: Set<string>;
}

/**
 * Any sequence of calls of the port against the table of allowed moves: no job ever makes a move that `jobMoves` does
 * not have, what has ended wakes only when somebody asks, a success is never lost, and money is counted once an attempt.
 */
export function testModel(context: StoreContext): void {
  test('random sequences never make an illegal move, and the sums always agree', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 40 }), async (operations) => {
        const model = await begin(context.store);
        let before = await statesOf(model.store, model.runId);
        for (const step of operations) {
          await apply(model, step);
          const after = await statesOf(model.store, model.runId);
          compare(before, after, step);
          await addsUp(model, after);
          before = after;
        }
        expect(await model.store.check()).toEqual([]);
        await finish(model);
      }),
      { numRuns: 150, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
    );
  });
}

async function begin(store: Store): Promise<Model> {
  const { run } = await store.createRun(newRun({ maxAttempts: 2 }), start);
  await store.addJobs(run.id, [newJob('key-0')], adding);
  const [lane] = await store.findLanes({ accounts: [batchLane.account], runId: run.id }, start);
  return {
    store,
    runId: run.id,
    lane: lane?.id ?? 0,
    batches: [],
    attempts: [],
    cost: 0,
    ended: new Set(),
    lost: new Set(),
  };
}

async function apply(model: Model, step: Operation): Promise<void> {
  const { store, runId } = model;
  switch (step.type) {
    case 'add':
    case 'reopen': {
      const jobs = Array.from({ length: step.count }, (_, i) => newJob(`key-${step.from + i}`));
      await store.addJobs(runId, jobs, { ...adding, reopen: step.type === 'reopen' });
      return;
    }
    case 'pack': {
      const batch = await store.openBatch(model.lane, nonce(), leaseFor('batcher'));
      await store.packJobs(leaseOf(batch), room({ requests: step.requests }));
      model.batches.push(leaseOf(batch));
      const attempts = await store.readAttempts(batch.id, { afterJob: 0, limit: 100, openOnly: false });
      model.attempts.push(...attempts.map((ref) => ({ ...ref, lease: leaseOf(batch) })));
      return;
    }
    case 'send': {
      const lease = model.batches[step.batch % Math.max(model.batches.length, 1)];
      if (lease) await store.startJobs(lease, 0);
      return;
    }
    case 'call': {
      const jobs = await store.claimJobs(model.lane, step.count, leaseFor(`caller-${step.owner}`));
      model.attempts.push(...jobs.map(({ job, attempt }) => ({ job, attempt, lease: undefined })));
      return;
    }
    case 'book':
      return bookOne(model, step);
    case 'lose':
      await store.releaseOwner(`caller-${step.owner}`, start);
      return;
    case 'cancel':
      await store.cancelQueuedJobs(runId);
      return;
    case 'requeue':
      await store.requeueJobs(runId, ['failed', 'cancelled']);
  }
}

async function bookOne(model: Model, step: Extract<Operation, { type: 'book' }>): Promise<void> {
  const ref = model.attempts[step.row % Math.max(model.attempts.length, 1)];
  if (!ref) return;
  const { job, attempt, lease } = ref;
  const usage = { inputTokens: 1, outputTokens: 1 };
  const money = step.outcome === 'returned' ? {} : { usage, costNanoUsd: step.cost, realtimeNanoUsd: step.cost };
  const next = step.outcome === 'succeeded' ? 'succeeded' : step.next;
  const decided = step.outcome === 'returned' && next !== 'cancelled' ? 'queued' : next;
  const row: BookRow = { job, attempt, outcome: step.outcome, next: decided, at: start, ...money };
  const booked = await model.store.book([row], lease);
  const isNew = booked.unknown.length === 0 && booked.duplicates.length === 0 && booked.repeated === 0;
  if (isNew && step.outcome !== 'returned') model.cost += step.cost;
  const name = `${job}/${attempt}/${lease?.batchId ?? 'call'}`;
  if (isNew) expect(model.ended.has(name), `attempt ${name} was booked twice`).toBe(false);
  // A returned attempt's number is given out again.
  if (isNew && step.outcome === 'succeeded') {
    model.ended.add(name);
    const rows = await model.store.readResults(model.runId, { limit: 1, after: job - 1 });
    expect(rows[0], 'a success was thrown away').toMatchObject({ job, state: 'succeeded' });
  }
}

const asked = new Set(['requeue', 'reopen']);

function compare(before: Map<number, JobState>, after: Map<number, JobState>, step: Operation): void {
  for (const [job, from] of before) {
    const to = after.get(job);
    const words = `job ${job} from ${from} to ${to} by ${JSON.stringify(step)}`;
    if (to === undefined) expect.fail(`lost: ${words}`);
    if (from === to) continue;
    expect(canMoveJob(from, to), words).toBe(true);
    if (isEnded(from)) expect(to === 'succeeded' || asked.has(step.type), `unasked: ${words}`).toBe(true);
  }
}

async function addsUp({ store, runId, cost }: Model, states: Map<number, JobState>): Promise<void> {
  const run = await runOf(store, runId);
  expect(totalOf(run.counts)).toBe(states.size);
  for (const state of Object.keys(run.counts) as JobState[]) {
    expect(run.counts[state], state).toBe([...states.values()].filter((other) => other === state).length);
  }
  expect(run.costNanoUsd).toBe(cost);
}

/** Brings every batch to an end, so that `check` of the next round finds none that is over with open rows. */
async function finish({ store, batches }: Model): Promise<void> {
  for (const lease of batches) {
    const open = await store.readAttempts(lease.batchId, { afterJob: 0, limit: 100, openOnly: true });
    const rows = open.map((ref): BookRow => ({ ...ref, outcome: 'returned', next: 'queued', at: start }));
    await store.book(rows, lease);
    await moveThrough(store, lease, ['abandoned']);
  }
}
