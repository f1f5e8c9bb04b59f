import { describe, expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import { costNanoUsd, priceOf } from '../prices.ts';
import type { ResultLine } from '../provider.ts';
import {
  batchOf,
  createEngineFixture,
  type EngineFixture,
  ended,
  type FakeRemote,
  good,
  lineOf,
  results,
  runOf,
  step,
  usage,
} from './engine-fixtures.ts';

type Lines = (remote: FakeRemote) => Iterable<ResultLine>;

/** Runs one batch of so many jobs whose results are these lines, to its end. */
async function collected(
  jobs: number,
  lines: Lines,
  change: { maxAttempts?: number } = {},
  fixture = createEngineFixture(),
) {
  fixture.fake.on.results = lines;
  const { run, batch } = await ended(fixture, jobs, change);
  await toEnd(fixture, batch.id);
  return {
    fixture,
    run: await runOf(fixture, run.id),
    batch: await batchOf(fixture, batch.id),
    rows: await results(fixture, run.id),
  };
}

async function toEnd(fixture: EngineFixture, id: number): Promise<void> {
  for (let i = 0; i < 50; i++) {
    // New batches of what is tried again are not opened: no worker is running.
    await fixture.clock.advance(30_000);
    await step(fixture);
    const { state } = await batchOf(fixture, id);
    if (state === 'collected' || state === 'failed') return;
  }
  throw new Error('the batch was not collected');
}

const requests = (remote: FakeRemote) => remote.requests;

describe('collecting', () => {
  test('successes, with their words, tokens and money', async () => {
    const { run, batch, rows, fixture } = await collected(3, (remote) => requests(remote).map((r) => lineOf(r)));
    expect(batch).toMatchObject({ state: 'collected', quarantined: 0 });
    expect(run.counts).toMatchObject({ succeeded: 3, running: 0 });
    expect(rows[0]?.output).toBe(`answer ${fixture.fake.files.get('file-1')?.[0]?.customId}`);
    const price = priceOf('openai', 'gpt-5-mini');
    if (!price) throw new Error('no price');
    expect(run.costNanoUsd).toBe(3 * costNanoUsd(price, usage, true));
    expect(run.realtimeNanoUsd).toBe(3 * costNanoUsd(price, usage, false));
    expect(run.usage).toEqual({ inputTokens: 3_000, outputTokens: 300, cachedTokens: 0 });
  });

  test('5,000 lines in any order land under their own jobs', async () => {
    const fixture = createEngineFixture();
    fixture.fake.limits.maxRequests = 5_000;
    const { rows } = await collected(
      5_000,
      (remote) =>
        requests(remote)
          .toReversed()
          .map((r) => lineOf(r, good(r.body))),
      {},
      fixture,
    );
    expect(rows).toHaveLength(5_000);
    expect(rows.every((row) => row.output === `{"input":"${row.key}"}`)).toBe(true);
  });

  test('a row’s own failure: retried when it may help, else failed with the provider’s words', async () => {
    const { run, rows } = await collected(3, (remote) =>
      requests(remote).map((r, i) => {
        if (i === 0) return lineOf(r);
        const outcome = { type: 'failed', code: `code_${i}`, message: `words ${i}`, retryable: i === 1 } as const;
        return lineOf(r, outcome);
      }),
    );
    expect(run.counts).toMatchObject({ succeeded: 1, queued: 1, failed: 1 });
    expect(rows[2]).toMatchObject({ state: 'failed', errorCode: 'code_2', errorMessage: 'words 2', attempts: 1 });
    expect(rows[1]).toMatchObject({ state: 'pending', attempts: 1 });
  });

  test('an expired batch: what it finished is kept, the rest is tried again', async () => {
    const { run, fixture } = await collected(4, (remote) => {
      Object.assign(remote, { rawStatus: 'expired' });
      return requests(remote).map((r, i) => (i < 2 ? lineOf(r) : lineOf(r, { type: 'expired', message: 'too late' })));
    });
    expect(run.counts).toMatchObject({ succeeded: 2, queued: 2 });
    const [lane] = await fixture.store.findLanes({ accounts: ['fake:account-1'] }, fixture.clock.now());
    expect(lane?.readyAt).toBeGreaterThan(fixture.clock.now());
  });

  test('an expired batch without lines for the rest: the same', async () => {
    const { run } = await collected(4, (remote) => {
      Object.assign(remote, { rawStatus: 'expired' });
      return requests(remote)
        .slice(0, 2)
        .map((r) => lineOf(r));
    });
    expect(run.counts).toMatchObject({ succeeded: 2, queued: 2 });
  });

  test('missing lines are read again twice before they are given up, and then tried again', async () => {
    const { run, fixture, rows } = await collected(
      3,
      (remote) =>
        requests(remote)
          .slice(0, 2)
          .map((r) => lineOf(r)),
      { maxAttempts: 1 },
    );
    expect(fixture.fake.calls.filter((call) => call === 'results')).toHaveLength(3);
    expect(run.counts).toMatchObject({ succeeded: 2, failed: 1 });
    expect(rows[2]).toMatchObject({ errorCode: 'missing', attempts: 1 });
    expect(rows[2]?.errorMessage).toContain('batch_1');
  });

  test('of a batch that runs still, nothing is missing, however often it is read', async () => {
    let readings = 0;
    const { run, rows } = await collected(2, (remote) => {
      readings += 1;
      const isOver = readings > 5;
      Object.assign(remote, { phase: isOver ? 'ended' : 'running', rawStatus: 'cancelled' });
      return requests(remote)
        .slice(0, isOver ? 2 : 1)
        .map((r) => lineOf(r));
    });
    expect(readings).toBe(6);
    expect(run.counts).toMatchObject({ succeeded: 2 });
    expect(rows.map(({ attempts }) => attempts)).toEqual([1, 1]);
  });

  test('a stream that was cut without an error is read again, and nothing is sent twice', async () => {
    let readings = 0;
    const { run, batch } = await collected(5, (remote) => {
      readings += 1;
      return requests(remote)
        .slice(0, readings === 1 ? 2 : 5)
        .map((r) => lineOf(r));
    });
    expect(readings).toBe(2);
    expect(run.counts.succeeded).toBe(5);
    expect(batch.quarantined).toBe(0);
    expect(run.usage.inputTokens).toBe(5_000);
  });

  test('two downloads that broke and one that was cut do not make rows missing', async () => {
    let readings = 0;
    const { run, rows } = await collected(5, function* (remote) {
      readings += 1;
      yield* requests(remote)
        .slice(0, readings <= 3 ? readings : 5)
        .map((r) => lineOf(r));
      if (readings <= 2) throw new OffpeakError('reset', { code: 'unavailable', retryable: true });
    });
    expect(readings).toBe(4);
    expect(run.counts.succeeded).toBe(5);
    expect(rows.every((row) => row.attempts === 1)).toBe(true);
  });

  test('a download that breaks after every line comes to its end, and books each once', async () => {
    let readings = 0;
    const { run } = await collected(5, function* (remote) {
      readings += 1;
      yield* requests(remote)
        .slice(0, readings)
        .map((r) => lineOf(r));
      if (readings < 5) throw new OffpeakError('reset', { code: 'unavailable', retryable: true });
    });
    expect(run.counts.succeeded).toBe(5);
    expect(run.usage.inputTokens).toBe(5_000);
  });

  test('a line that comes twice: the first counts, the other is kept apart', async () => {
    const { run, rows, batch } = await collected(2, (remote) =>
      requests(remote).flatMap((r) => [lineOf(r, good('first')), lineOf(r, good('second'))]),
    );
    expect(rows.map((row) => row.output)).toEqual(['first', 'first']);
    expect(batch.quarantined).toBe(2);
    expect(run.usage.inputTokens).toBe(2_000);
  });

  test('a line that comes twice in results that miss another is counted as well', async () => {
    const { batch } = await collected(2, (remote) => {
      const [request] = requests(remote);
      return request ? [lineOf(request, good('first')), lineOf(request, good('second'))] : [];
    });
    expect(batch.quarantined).toBe(1);
  });

  test('lines that are not ours, or no lines at all, are kept apart and touch nothing', async () => {
    const { run, rows, batch } = await collected(2, (remote) => {
      const ours = requests(remote).map((r) => lineOf(r));
      const [one] = requests(remote);
      const id = one?.customId ?? '';
      const strange = [
        'request-1',
        '__proto__',
        'constructor',
        '',
        id.toUpperCase(),
        `${id} `,
        `${id}0`,
        'op-aaaaaaaaaa-1-1',
        // A job and an attempt of this batch, under the nonce of another home's.
        id.replace(/^op-.{10}/, 'op-aaaaaaaaaa'),
      ].map((customId, i): ResultLine => ({ customId, outcome: good('not ours'), raw: `raw ${i}` }));
      const broken: ResultLine = {
        outcome: { type: 'failed', code: 'malformed', message: 'not JSON', retryable: false },
        raw: '{"custom_id":"op-',
      };
      // Our nonce, but a job and an attempt that were never in it.
      const invented = [id.replace(/-[^-]+-1$/, '-1-1'), id.replace(/-1$/, '-2')].map(
        (customId): ResultLine => ({ customId, outcome: good('invented'), raw: customId }),
      );
      return [...strange, broken, ...invented, ...ours];
    });
    expect(run.counts).toMatchObject({ succeeded: 2 });
    expect(rows.map((row) => row.output)).not.toContain('not ours');
    expect(run.usage.inputTokens).toBe(2_000);
    expect(batch.quarantined).toBe(12);
  });

  test('the row cancelled with its batch is cancelled; a finished one is kept', async () => {
    const fixture = createEngineFixture();
    const { store, clock, fake } = fixture;
    const { run, batch } = await ended(fixture, 3);
    for (const remote of fake.remotes) remote.rawStatus = 'cancelled';
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    fake.on.results = (remote) =>
      requests(remote)
        .slice(0, 2)
        .map((r, i) => lineOf(r, i === 0 ? good('kept') : { type: 'cancelled', message: 'stopped' }));
    await toEnd(fixture, batch.id);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ succeeded: 1, cancelled: 2 });
  });

  test('an answer that the recipe does not accept is tried again, and is paid for', async () => {
    const fixture = createEngineFixture();
    fixture.engine.createRecipe = () => ({
      description: { type: 'test' },
      toRequest: () => ({ type: 'native', model: 'm', endpoint: '/', body: {} }),
      problemWith: (output) => (output === 'bad' ? 'not JSON' : undefined),
    });
    const { run, rows } = await collected(
      2,
      (remote) => requests(remote).map((r, i) => lineOf(r, good(i === 0 ? 'bad' : 'fine'))),
      { maxAttempts: 1 },
      fixture,
    );
    expect(rows[0]).toMatchObject({ state: 'failed', errorCode: 'invalid_output', errorMessage: 'not JSON' });
    expect(rows[1]).toMatchObject({ state: 'succeeded' });
    expect(run.usage.inputTokens).toBe(2_000);
  });

  test('a crash at any point and again: every row once', async () => {
    for (const point of ['C14', 'C15', 'C16', 'C17']) {
      const fixture = createEngineFixture();
      const { run, batch } = await ended(fixture, 3);
      await fixture.clock.advance(10_000);
      const engine = {
        ...fixture.engine,
        crashpoint: (name: string) => {
          if (name === point) throw new Error(`killed at ${point}`);
        },
      };
      await expect(step(fixture, engine)).rejects.toThrow(point);
      await fixture.store.releaseOwner('worker-a', fixture.clock.now());
      await toEnd(fixture, batch.id);
      expect(await runOf(fixture, run.id)).toMatchObject({
        counts: { succeeded: 3 },
        usage: { inputTokens: 3_000, outputTokens: 300 },
      });
      expect((await batchOf(fixture, batch.id)).quarantined).toBe(0);
      expect(await fixture.store.check()).toEqual([]);
    }
  });

  test('a worker that was replaced while it read books nothing more', async () => {
    const fixture = createEngineFixture();
    const { store, clock, fake } = fixture;
    const { run, batch } = await ended(fixture, 3);
    await clock.advance(10_000);
    let taken = false;
    fake.on.results = function* (remote) {
      if (!taken) {
        taken = true;
        // Synchronous underneath: done before the next line is asked for.
        void store.releaseOwner('worker-a', clock.now());
        void store.claimBatch(
          { accounts: ['fake:account-1'] },
          { owner: 'worker-b', now: clock.now(), leaseMs: 30_000 },
        );
      }
      yield* requests(remote).map((r) => lineOf(r));
    };
    await step(fixture);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ running: 3, succeeded: 0 });
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'collecting' });
  });
});
