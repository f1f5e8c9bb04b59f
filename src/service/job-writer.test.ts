import { expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import type { Enqueued, QueuedJob } from '../service-store.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createJobWriter } from './job-writer.ts';

function jobs(count: number, prefix: string, bytes = 10): QueuedJob[] {
  return Array.from({ length: count }, (_, at) => ({
    queue: 'creative_scoring',
    provider: 'openai',
    account: 'a',
    simulated: true,
    model: 'm',
    priority: 5,
    request: {
      lane: { provider: 'openai', account: 'a', model: 'm', endpoint: '/e', mode: 'batch' },
      body: 'x'.repeat(bytes),
      size: { inputTokens: 1, maxInputTokens: 1 },
    },
    data: `${prefix}-${at}`,
  }));
}

/** A store that numbers what it is given; `fail` breaks the n-th transaction. */
function setup(fail?: number) {
  const transactions: string[][] = [];
  const held: (() => void)[] = [];
  const store = {
    holds: false,
    release: () => held.shift()?.(),
    releaseAll: () => {
      for (const release of held.splice(0)) release();
    },
    enqueue: async (given: readonly QueuedJob[]): Promise<Enqueued[]> => {
      const before = transactions.flat().length;
      transactions.push(given.map(({ data }) => data));
      if (store.holds) await new Promise<void>((resolve) => held.push(resolve));
      if (transactions.length === fail) throw new OffpeakError('The disk is full.', { code: 'store_full' });
      return given.map((_, at) => ({ type: 'queued', job: before + at + 1, runId: 'run-1' }));
    },
  };
  const clock = createFakeClock();
  return { writer: createJobWriter({ serviceStore: store, clock }), store, transactions, clock };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const numbers = (answers: readonly (Enqueued | Error)[]) => answers.map((answer) => 'job' in answer && answer.job);

test('calls of one turn share a transaction, and each gets its own answers', async () => {
  const { writer, transactions } = setup();
  const answers = await Promise.all([writer.write(jobs(2, 'a')), writer.write(jobs(1, 'b')), writer.write([])]);
  expect(transactions).toEqual([['a-0', 'a-1', 'b-0']]);
  expect(answers.map(numbers)).toEqual([[1, 2], [3], []]);
});

test('calls that come while a transaction is under way share the next one', async () => {
  const { writer, store, transactions } = setup();
  store.holds = true;
  const first = writer.write(jobs(1, 'a'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(transactions).toEqual([['a-0']]);
  const others = [writer.write(jobs(1, 'b')), writer.write(jobs(1, 'c'))];
  store.holds = false;
  store.release();
  expect(numbers(await first)).toEqual([1]);
  expect((await Promise.all(others)).map(numbers)).toEqual([[2], [3]]);
  expect(transactions).toEqual([['a-0'], ['b-0', 'c-0']]);
});

test('a call of thousands is written in chunks, in its order, and lets others go before it', async () => {
  const { writer, transactions } = setup();
  const calls = [jobs(1_700, 'large'), jobs(2, 'small'), jobs(40, 'other')];
  const answers = await Promise.all(calls.map((call) => writer.write(call)));
  expect(answers.map(numbers)).toEqual([range(43, 1_742), [1, 2], range(3, 42)]);
  expect(transactions.map((each) => each.length)).toEqual([...Array(6).fill(250), 242]);
  expect(transactions.flat()).toEqual([...calls.slice(1), calls[0]].flatMap((call) => call?.map(({ data }) => data)));
});

test('of many small calls half go, so that callers in step are answered in turn', async () => {
  const { writer, store, transactions } = setup();
  store.holds = true;
  const answers = Array.from({ length: 90 }, (_, at) => writer.write(jobs(1, `${at}`)));
  await new Promise((resolve) => setImmediate(resolve));
  expect(transactions.map((each) => each.length)).toEqual([45, 40]);
  store.holds = false;
  store.releaseAll();
  await Promise.all(answers);
  expect(transactions.map((each) => each.length)).toEqual([45, 40, 5]);
});

test('single calls go before the pieces of large ones, which keep their order and half of the room', async () => {
  const { writer, transactions } = setup();
  const pieces = Array.from({ length: 5 }, (_, at) => writer.write(jobs(150, `piece-${at}`), { isPiece: true }));
  const calls = Array.from({ length: 200 }, (_, at) => writer.write(jobs(1, `call-${at}`)));
  await Promise.all([...pieces, ...calls]);
  const parts = transactions.map((each) => each.map((name) => name.startsWith('call')));
  expect(parts.map((each) => [each.filter(Boolean).length, each.length])).toEqual([
    [125, 250],
    [75, 250],
    [0, 250],
    [0, 200],
  ]);
  const names = (prefix: string) => transactions.flat().filter((name) => name.startsWith(prefix));
  expect(names('piece')).toEqual(
    Array.from({ length: 5 }, (_, at) => jobs(150, `piece-${at}`))
      .flat()
      .map(({ data }) => data),
  );
  expect(names('call')).toEqual(Array.from({ length: 200 }, (_, at) => `call-${at}-0`));
});

test('of many jobs a few transactions are under way at once; of few, the next waits for the one before', async () => {
  const { writer, store, transactions } = setup();
  store.holds = true;
  const first = writer.write(jobs(100, 'a'));
  const others = [writer.write(jobs(800, 'b')), writer.write(jobs(100, 'c'))];
  await new Promise((resolve) => setImmediate(resolve));
  expect(transactions.map((each) => each.length)).toEqual([250, 250, 250]);
  store.holds = false;
  store.releaseAll();
  expect(numbers(await first)).toHaveLength(100);
  expect((await Promise.all(others)).map(numbers).map((each) => each.length)).toEqual([800, 100]);
  expect(transactions.flat()).toHaveLength(1_000);
});

test('large bodies make small transactions', async () => {
  const { writer, transactions } = setup();
  await writer.write(jobs(5, 'a', 900_000));
  expect(transactions.map((each) => each.length)).toEqual([3, 2]);
});

test('what goes wrong is the answer of the jobs of that transaction alone', async () => {
  const { writer } = setup(2);
  const answers = await writer.write(jobs(1_200, 'a'));
  const failed = answers.flatMap((answer, at) => (answer instanceof Error ? [at] : []));
  expect([failed.length, failed[0], failed.at(-1)]).toEqual([250, 250, 499]);
  expect(numbers(await writer.write(jobs(1, 'b')))).toHaveLength(1);
});

test('a store that throws at once fails its jobs, and no call is left without an answer', async () => {
  const { store, clock } = setup();
  let isBroken = true;
  const enqueue = (given: readonly QueuedJob[]): Promise<Enqueued[]> => {
    if (isBroken) throw new Error('broken');
    return store.enqueue(given);
  };
  const writer = createJobWriter({ serviceStore: { enqueue }, clock });
  expect(await writer.write(jobs(2, 'a'))).toEqual([new Error('broken'), new Error('broken')]);
  isBroken = false;
  expect(numbers(await writer.write(jobs(1, 'b')))).toEqual([1]);
});

test('a fault is told for ten seconds, or until jobs are stored again', async () => {
  const { writer, clock } = setup(1);
  expect(writer.fault()).toBe(undefined);
  await writer.write(jobs(1, 'a'));
  expect(writer.fault()).toBe('The disk is full.');
  await clock.advance(9_999);
  expect(writer.fault()).toBe('The disk is full.');
  await clock.advance(1);
  expect(writer.fault()).toBe(undefined);
  await clock.advance(-3_600_000);
  expect(writer.fault()).toBe(undefined);
  const other = setup(1);
  await other.writer.write(jobs(1, 'a'));
  await other.writer.write(jobs(1, 'b'));
  expect(other.writer.fault()).toBe(undefined);
});
