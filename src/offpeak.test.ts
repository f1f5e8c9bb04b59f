import { describe, expect, test } from 'vitest';
import {
  account,
  addRun,
  createEngineFixture,
  type EngineFixture,
  good,
  newJobs,
  runOf,
  spyStore,
} from './engine/engine-fixtures.ts';
import { OffpeakError } from './errors.ts';
import { createOffpeak, type Offpeak, type OffpeakOptions } from './offpeak.ts';
import type { Recipe } from './recipe.ts';
import type { Item, Source } from './source.ts';

const recipe: Recipe = {
  description: { type: 'test', version: 1 },
  toRequest: (item) => ({
    type: 'native',
    model: 'gpt-5-mini',
    endpoint: '/v1/chat/completions',
    body: { key: item.key },
  }),
};

function sourceOf(keys: readonly string[], name = 'list'): Source {
  return {
    description: { type: 'test', name },
    async *items() {
      for (const [i, key] of keys.entries()) {
        const item: Item = { key, position: i + 1, content: { type: 'text', name: key, text: key } };
        yield item;
      }
    },
  };
}

function createWith(fixture: EngineFixture, source: Source, change: Partial<OffpeakOptions> = {}): Offpeak {
  const { engine, fake, store, clock } = fixture;
  return createOffpeak({
    store,
    providers: [fake.provider],
    createRecipe: () => recipe,
    createSource: () => source,
    owner: engine.owner,
    clock,
    random: engine.random,
    ...change,
  });
}

const submission = (fixture: EngineFixture, source: Source) => ({
  source,
  recipe,
  provider: fixture.fake.provider,
  model: 'gpt-5-mini',
});

describe('a run from its beginning', () => {
  test('the same submission goes on with the unfinished run; another model, mode or recipe is another run', async () => {
    const fixture = createEngineFixture();
    const source = sourceOf(['a']);
    const offpeak = createWith(fixture, source);
    const { run } = await offpeak.begin(submission(fixture, source));
    expect(await offpeak.begin(submission(fixture, source))).toMatchObject({ attached: true, run: { id: run.id } });
    const others = [
      { model: 'gpt-5' },
      { mode: 'realtime' as const },
      { recipe: { ...recipe, description: { type: 'test', version: 2 } } },
      { source: sourceOf(['a'], 'other') },
      { fresh: true },
    ];
    for (const other of others) {
      const begun = await offpeak.begin({ ...submission(fixture, source), ...other });
      expect(begun.attached).toBe(false);
    }
  });

  test('the order of words in a description does not matter', async () => {
    const fixture = createEngineFixture();
    const one = { ...sourceOf(['a']), description: { type: 'x', a: 1, b: { c: 2, d: undefined } } };
    const two = { ...one, description: { b: { c: 2 }, a: 1, type: 'x' } };
    const offpeak = createWith(fixture, one);
    const { run } = await offpeak.begin(submission(fixture, one));
    expect(await offpeak.begin(submission(fixture, two))).toMatchObject({ attached: true, run: { id: run.id } });
  });

  test('filled, worked on and delivered in input order', async () => {
    const fixture = createEngineFixture();
    const keys = Array.from({ length: 450 }, (_, i) => `key-${i + 1}`);
    const source = sourceOf(keys);
    const offpeak = createWith(fixture, source);
    fixture.fake.on.call = async (body) => good(body);
    const { run } = await offpeak.begin({ ...submission(fixture, source), mode: 'realtime', concurrency: 50 });
    expect(await offpeak.fill(run)).toMatchObject({ added: 450 });
    expect((await runOf(fixture, run.id)).state).toBe('running');
    await fixture.clock.runUntil(offpeak.worker({ runId: run.id }).run(new AbortController().signal));
    const delivered: string[] = [];
    let isComplete = false;
    const sink = {
      begin: async () => {},
      write: async (row: { key: string }) => void delivered.push(row.key),
      end: async () => {
        isComplete = true;
      },
      abort: async () => {},
    };
    expect(await offpeak.deliver(run.id, sink)).toBe(450);
    expect(delivered).toEqual(keys);
    expect(isComplete).toBe(true);
    delivered.length = 0;
    expect(await offpeak.deliver(run.id, sink, { limit: 250 })).toBe(250);
    expect(delivered).toEqual(keys.slice(0, 250));
  });

  test('a sink that fails throws its output away, and the results stay', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, 3);
    const offpeak = createWith(fixture, sourceOf([]));
    const calls: string[] = [];
    const sink = {
      begin: async () => void calls.push('begin'),
      write: async () => {
        throw new Error('disk full');
      },
      end: async () => void calls.push('end'),
      abort: async () => void calls.push('abort'),
    };
    await expect(offpeak.deliver(run.id, sink)).rejects.toThrow('disk full');
    expect(calls).toEqual(['begin', 'abort']);
    await expect(offpeak.deliver('run-nobody', sink)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('interrupted while it reads, a run stays open and goes on where it was', async () => {
    const fixture = createEngineFixture();
    const stop = new AbortController();
    const keys = Array.from({ length: 2_500 }, (_, i) => `key-${i}`);
    const source = sourceOf(keys);
    const offpeak = createWith(fixture, source);
    const { run } = await offpeak.begin(submission(fixture, source));
    await offpeak.fill(run, { signal: stop.signal, onChunk: ({ added }) => added >= 1_000 && stop.abort() });
    const half = await runOf(fixture, run.id);
    expect(half.state).toBe('open');
    expect(half.counts.queued).toBeGreaterThanOrEqual(1_000);
    await offpeak.fill(half);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'running', counts: { queued: 2_500 } });
  });
});

describe('retrying', () => {
  test('failed jobs get all their attempts again and the run goes on', async () => {
    const fixture = createEngineFixture();
    const run = await failedRun(fixture);
    const offpeak = createWith(fixture, sourceOf([]));
    expect(await offpeak.retry(run.id)).toBe(5);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'running', counts: { queued: 5, failed: 0 } });
    expect(await offpeak.retry(run.id)).toBe(0);
  });

  test('a run that ends between the look and the requeueing runs again: nothing waits in an ended run', async () => {
    const fixture = createEngineFixture();
    const run = await failedRun(fixture);
    await fixture.store.updateRun(run.id, { state: 'running' }, fixture.clock.now());
    let hasEnded = false;
    const store = spyStore(fixture.connect('worker-b'), (method) => {
      if (method !== 'requeueJobs' || hasEnded) return;
      hasEnded = true;
      // Synchronous underneath: done before the jobs are queued.
      void fixture.store.updateRun(run.id, { state: 'ended' }, fixture.clock.now());
    });
    const offpeak = createWith(fixture, sourceOf([]), { store });
    expect(await offpeak.retry(run.id)).toBe(5);
    expect(hasEnded).toBe(true);
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'running', counts: { queued: 5 } });
    expect(await fixture.store.check()).toEqual([]);
  });

  // Fails now: retry() requeues first and sets the state after; a second retry finds nothing and leaves the run ended.
  test('a crash in the middle leaves no job that nobody will ever look at', async () => {
    const fixture = createEngineFixture();
    const run = await failedRun(fixture);
    const store = spyStore(fixture.store, (method) => {
      if (method === 'updateRun') throw new Error('killed');
    });
    await createWith(fixture, sourceOf([]), { store })
      .retry(run.id)
      .catch(() => {});
    const offpeak = createWith(fixture, sourceOf([]));
    await offpeak.retry(run.id);
    expect((await runOf(fixture, run.id)).counts.queued).toBe(5);
    expect(await fixture.store.findLanes({ accounts: [account] }, fixture.clock.now())).toHaveLength(1);
    expect((await runOf(fixture, run.id)).state).toBe('running');
  });
});

describe('cancelling', () => {
  test('is not undone by a fill that had read the run before', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, 3);
    const offpeak = createWith(fixture, sourceOf(['late']));
    await offpeak.cancel(run.id);
    expect(await offpeak.fill(run, { reopen: true })).toMatchObject({ added: 0, closed: true });
    expect((await runOf(fixture, run.id)).state).toBe('cancelling');
    await fixture.clock.runUntil(offpeak.worker({ runId: run.id }).run());
    expect(await runOf(fixture, run.id)).toMatchObject({ state: 'ended', counts: { cancelled: 3, queued: 0 } });
    expect(fixture.fake.calls).toEqual([]);
  });

  test('a run without unfinished jobs ends at once', async () => {
    const fixture = createEngineFixture();
    const run = await addRun(fixture, 0);
    const cancelled = await createWith(fixture, sourceOf([])).cancel(run.id);
    expect(cancelled.state).toBe('ended');
  });

  // Fails now: cancel() moves an ended run to `cancelling` and ends it once more.
  test('a run that had ended keeps its end', async () => {
    const fixture = createEngineFixture();
    const run = await failedRun(fixture);
    const before = await runOf(fixture, run.id);
    await fixture.clock.advance(86_400_000);
    expect(await createWith(fixture, sourceOf([])).cancel(run.id)).toMatchObject({
      state: 'ended',
      endedAt: before.endedAt,
    });
  });

  test('items that are still being read when it is cancelled end as well', async () => {
    const fixture = createEngineFixture();
    const source = sourceOf(['a', 'b', 'c']);
    const offpeak = createWith(fixture, source);
    const { run } = await offpeak.begin(submission(fixture, source));
    await offpeak.cancel(run.id);
    await offpeak.fill(run);
    await fixture.clock.runUntil(offpeak.worker({ runId: run.id }).run(new AbortController().signal));
    const after = await runOf(fixture, run.id);
    expect(after.state).toBe('ended');
    expect(after.counts.queued + after.counts.packed + after.counts.running).toBe(0);
  });
});

async function failedRun(fixture: EngineFixture) {
  const { store, clock } = fixture;
  const run = await addRun(fixture, newJobs(5), { maxAttempts: 1 });
  const [lane] = await store.findLanes({ accounts: [account] }, clock.now());
  const jobs = await store.claimJobs(lane?.id ?? 0, 5, { owner: 'x', now: clock.now(), leaseMs: 1 });
  const rows = jobs.map(
    ({ job, attempt }) => ({ job, attempt, outcome: 'failed', next: 'failed', at: clock.now() }) as const,
  );
  await store.book(rows, undefined);
  return store.updateRun(run.id, { state: 'ended' }, clock.now());
}

test('a chunk that cannot be written weighs more than a source that fails while it is written', async () => {
  const fixture = createEngineFixture();
  const keys = Array.from({ length: 1_000 }, (_, i) => `key-${i}`);
  const endless = sourceOf(keys);
  const source: Source = {
    description: endless.description,
    async *items() {
      yield* endless.items();
      throw new OffpeakError('the folder is gone', { code: 'not_found' });
    },
  };
  let chunks = 0;
  const store = new Proxy(fixture.store, {
    get: (target, name) =>
      name === 'addJobs' && ++chunks === 2
        ? async () => {
            await new Promise((resolve) => setImmediate(resolve));
            throw new OffpeakError('the disk is full', { code: 'store_full' });
          }
        : Reflect.get(target, name),
  });
  const offpeak = createWith({ ...fixture, store }, source);
  const { run } = await offpeak.begin(submission(fixture, source));
  await expect(offpeak.fill(run, { mayBeGone: true })).rejects.toMatchObject({ code: 'store_full' });
  expect(await runOf(fixture, run.id)).toMatchObject({ state: 'open', counts: { queued: 500 } });
});
