import { expect, test } from 'vitest';
import { addRun, createEngineFixture, good, results } from './engine-fixtures.ts';
import { createWorker } from './worker.ts';

const never = new AbortController().signal;

test('two living workers that were suspended together: neither takes the other’s calls for lost', async () => {
  const fixture = createEngineFixture();
  const { fake, clock, engine } = fixture;
  const waiting: (() => void)[] = [];
  fake.on.call = async (body) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return good(body);
  };
  const run = await addRun(fixture, 3, { lane: { mode: 'realtime' }, mode: 'realtime' });
  const other = { ...engine, store: fixture.connect('worker-b'), owner: 'worker-b' };
  const alive = { runId: run.id, isAlive: () => true };
  // The second has the calls; the first is the one that wakes first.
  const second = createWorker(other, alive).run(never);
  await clock.advance(900);
  const first = createWorker(engine, alive).run(never);
  await clock.advance(1_600);
  clock.jump(300_000);
  await clock.advance(20_000);
  expect(waiting).toHaveLength(3);
  for (const answer of waiting) answer();
  await clock.runUntil(Promise.all([first, second]));
  expect((await results(fixture, run.id)).map((row) => row.attempts)).toEqual([1, 1, 1]);
});
