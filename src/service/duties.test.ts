import { expect, onTestFinished, test } from 'vitest';
import { createFakeClock } from '../testing/fake-clock.ts';
import { createDuties, type Duty } from './duties.ts';
import { openStore, storeFolder } from './queue-fixtures.ts';

function createWorld() {
  const folder = storeFolder();
  const clock = createFakeClock();
  const errors: string[] = [];
  const begin = (owner: string, duties: readonly Duty[]) => {
    const process = createDuties({
      duties,
      serviceStore: openStore(folder, { now: clock.now }).service,
      owner,
      clock,
      onError: (duty, error) => errors.push(`${duty}: ${error instanceof Error ? error.message : error}`),
    });
    onTestFinished(() => clock.runUntil(process.close()));
    process.start();
    return process;
  };
  const { service: store } = openStore(folder, { now: clock.now });
  return {
    clock,
    errors,
    store,
    begin,
    close: (process: { close(): Promise<void> }) => clock.runUntil(process.close()),
  };
}

/** Counts who does it, and at which moment. */
function counted(clock: { now(): number }, who: string, done: string[], change: Partial<Duty> = {}): Duty {
  const start = clock.now();
  return {
    name: 'count',
    everyMs: 1_000,
    run: async () => {
      done.push(`${who} ${clock.now() - start}`);
    },
    ...change,
  };
}

test('a duty is done at once, then again and again', async () => {
  const { clock, begin } = createWorld();
  const done: string[] = [];
  begin('a', [counted(clock, 'a', done)]);
  await clock.advance(3_500);
  expect(done).toEqual(['a 0', 'a 1000', 'a 2000', 'a 3000']);
});

test('one process at a time does it, and another goes on after it closed', async () => {
  const { clock, begin, close } = createWorld();
  const done: string[] = [];
  const a = begin('a', [counted(clock, 'a', done)]);
  await clock.advance(500);
  begin('b', [counted(clock, 'b', done)]);
  await clock.advance(2_000);
  expect(new Set(done.map((line) => line[0]))).toEqual(new Set(['a']));
  await close(a);
  const before = done.length;
  await clock.advance(2_000);
  expect(done.slice(before).map((line) => line[0])).toEqual(['b', 'b']);
});

test('after a crash another goes on when the claim has lapsed', async () => {
  const { clock, begin, store } = createWorld();
  const done: string[] = [];
  await store.claimDuty('count', 'dead', clock.now(), clock.now() + 31_000);
  begin('b', [counted(clock, 'b', done)]);
  await clock.advance(30_900);
  expect(done).toEqual([]);
  await clock.advance(1_000);
  expect(done).toEqual(['b 31000']);
});

test('a long one keeps its claim, and ends when it has lost it', async () => {
  const { clock, begin, errors, store } = createWorld();
  let ended: string | undefined;
  const long: Duty = {
    name: 'long',
    everyMs: 1_000,
    run: (signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          ended = 'aborted';
          resolve();
        });
      }),
  };
  begin('a', [long]);
  const others: string[] = [];
  begin('b', [counted(clock, 'b', others, { name: 'long' })]);
  await clock.advance(5 * 60_000);
  expect(others).toEqual([]);
  expect(ended).toBeUndefined();
  // As after a suspend: the clock has gone on, and somebody else was first.
  clock.jump(10 * 60_000);
  expect(await store.claimDuty('long', 'thief', clock.now(), clock.now() + 60_000)).toBe(true);
  await clock.advance(15_000);
  expect(ended).toBe('aborted');
  expect(errors).toEqual([]);
});

test('one that may be done everywhere is', async () => {
  const { clock, begin } = createWorld();
  const done: string[] = [];
  begin('a', [counted(clock, 'a', done, { everywhere: true })]);
  begin('b', [counted(clock, 'b', done, { everywhere: true })]);
  await clock.advance(1_500);
  expect(done.sort()).toEqual(['a 0', 'a 1000', 'b 0', 'b 1000']);
});

test('the error of one stops neither it nor the others', async () => {
  const { clock, begin, errors } = createWorld();
  const done: string[] = [];
  let runs = 0;
  begin('a', [
    {
      name: 'bad',
      everyMs: 1_000,
      run: async () => {
        runs += 1;
        throw new Error(`run ${runs} is broken`);
      },
    },
    counted(clock, 'a', done),
  ]);
  await clock.advance(1_500);
  expect(errors).toEqual(['bad: run 1 is broken', 'bad: run 2 is broken']);
  expect(done).toHaveLength(2);
});

test('a slow one delays no other', async () => {
  const { clock, begin } = createWorld();
  const done: string[] = [];
  begin('a', [
    { name: 'slow', everyMs: 1_000, run: (signal) => clock.sleep(60_000, signal) },
    counted(clock, 'a', done),
  ]);
  await clock.advance(3_500);
  expect(done).toHaveLength(4);
});

test('woken, it is done soon; while it is being done, once more', async () => {
  const { clock, begin } = createWorld();
  const done: string[] = [];
  const process = begin('a', [
    counted(clock, 'a', done, {
      everyMs: 60_000,
      run: async (signal) => {
        done.push(`begun ${done.length}`);
        await clock.sleep(500, signal);
      },
    }),
  ]);
  await clock.advance(100);
  for (let times = 0; times < 5; times += 1) process.wake('count');
  process.wake('nobody');
  await clock.advance(2_000);
  expect(done).toHaveLength(2);
  process.wake('count');
  await clock.advance(100);
  expect(done).toHaveLength(3);
});

test('closing ends what is under way, starts nothing more, and waits for nobody for long', async () => {
  const { clock, begin, close } = createWorld();
  let aborted = false;
  const process = begin('a', [
    {
      name: 'polite',
      everyMs: 1_000,
      run: async (signal) => {
        await clock.sleep(60_000, signal);
        aborted = signal.aborted;
      },
    },
    { name: 'deaf', everyMs: 1_000, run: () => clock.sleep(3_600_000) },
  ]);
  await clock.advance(100);
  const start = clock.now();
  await close(process);
  expect(aborted).toBe(true);
  expect(clock.now() - start).toBe(5_000);
  process.wake('polite');
  process.start();
  await clock.advance(5_000);
  await close(process);
});
