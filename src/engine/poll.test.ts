import { describe, expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import { advance } from './advance.ts';
import {
  addRun,
  batchOf,
  createEngineFixture,
  createFakeProvider,
  type EngineFixture,
  endRemote,
  limits,
  openBatch,
  results,
  runOf,
  step,
  submitted,
} from './engine-fixtures.ts';
import { pack } from './pack.ts';
import { pollIntervalMs } from './poll.ts';

const signal = new AbortController().signal;

async function refuse(fixture: EngineFixture, change: object, spared?: string): Promise<void> {
  for (const remote of fixture.fake.remotes.filter(({ remoteId }) => remoteId !== spared))
    Object.assign(remote, { phase: 'refused', rawStatus: 'failed', ...change });
  await fixture.clock.advance(10_000);
  await step(fixture);
}

describe('polling', () => {
  test('the interval begins at the smallest, only grows, and is capped', () => {
    const intervals = Array.from({ length: 200 }, (_, tries) => pollIntervalMs(limits, tries));
    expect(intervals[0]).toBe(2_000);
    expect(intervals).toEqual([...intervals].sort((a, b) => a - b));
    expect(intervals.at(-1)).toBe(60_000);
    expect(pollIntervalMs(limits, 1e9)).toBe(60_000);
    expect(intervals.indexOf(60_000)).toBeLessThan(25);
  });

  test('a day of waiting is a bounded number of questions; a new status asks quickly again', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    await submitted(fixture, 1);
    for (let minute = 0; minute < 120; minute++) {
      await clock.advance(60_000);
      await step(fixture);
    }
    const polls = fake.calls.filter((call) => call === 'get').length;
    expect(polls).toBeGreaterThan(60);
    expect(polls).toBeLessThanOrEqual(120);
    for (const remote of fake.remotes) remote.rawStatus = 'finalizing';
    await clock.advance(60_000);
    const batch = await step(fixture);
    expect(batch).toMatchObject({ tries: 0, rawStatus: 'finalizing' });
    expect((batch?.nextAt ?? 0) - clock.now()).toBe(limits.pollMinMs);
  });

  test('the provider’s words and counts are kept', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const { batch } = await submitted(fixture, 3);
    const counts = { total: 3, succeeded: 1, failed: 0 };
    for (const remote of fake.remotes) Object.assign(remote, { rawStatus: 'validating', counts, expiresAt: 123 });
    await clock.advance(10_000);
    await step(fixture);
    expect(await batchOf(fixture, batch.id)).toMatchObject({ rawStatus: 'validating', counts, expiresAt: 123 });
  });

  test('trouble on the line is waited out for a day, and nothing is given up', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const { run } = await submitted(fixture, 2);
    fake.on.get = () => {
      throw new OffpeakError('503', { code: 'unavailable', retryable: true });
    };
    for (let hour = 0; hour < 24 * 4; hour++) {
      await clock.advance(900_000);
      await step(fixture);
    }
    delete fake.on.get;
    endRemote(fake);
    await clock.advance(120_000);
    expect(await step(fixture)).toMatchObject({ state: 'collected' });
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(2);
  });

  test('one 404 after many polls does not give the batch up', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const { run, batch } = await submitted(fixture, 2);
    for (let poll = 0; poll < 40; poll++) {
      await clock.advance(60_000);
      await step(fixture);
    }
    fake.on.get = () => {
      delete fake.on.get;
      throw new OffpeakError('no such batch', { code: 'not_found' });
    };
    await clock.advance(60_000);
    await step(fixture);
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'in_progress' });
    endRemote(fake);
    await clock.advance(120_000);
    await step(fixture);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(2);
  });

  test('a batch that stays missing at its own account is given up after long, its jobs not sent again', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    const { run, batch } = await submitted(fixture, 2);
    fake.on.get = () => {
      throw new OffpeakError('no such batch', { code: 'not_found' });
    };
    for (let poll = 0; poll < 60; poll++) {
      await clock.advance(60_000);
      await step(fixture);
    }
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'failed', errorCode: 'batch_lost' });
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ failed: 2, queued: 0 });
    expect((await results(fixture, run.id))[0]?.errorCode).toBe('batch_lost');
  });

  test('a cancelled run asks the provider to stop, once, and keeps what was finished', async () => {
    const fixture = createEngineFixture();
    const { fake, clock, store } = fixture;
    const { run } = await submitted(fixture, 3);
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    fake.on.results = (remote) =>
      remote.requests.slice(0, 1).map((request) => ({
        customId: request.customId,
        raw: '',
        outcome: { type: 'succeeded', output: 'finished before' },
      }));
    for (let i = 0; i < 12; i++) {
      await step(fixture);
      await clock.advance(60_000);
    }
    expect(fake.calls.filter((call) => call === 'cancel')).toHaveLength(1);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ succeeded: 1, cancelled: 2, queued: 0 });
    const rows = await results(fixture, run.id);
    expect(rows[0]).toMatchObject({ state: 'succeeded', output: 'finished before' });
  });

  test('a cancel that the provider does not answer is asked again', async () => {
    const fixture = createEngineFixture();
    const { fake, clock, store } = fixture;
    const { run } = await submitted(fixture, 1);
    await store.updateRun(run.id, { state: 'cancelling' }, clock.now());
    fake.on.cancel = () => {
      delete fake.on.cancel;
      throw new OffpeakError('reset', { code: 'unavailable' });
    };
    for (let i = 0; i < 3; i++) {
      await step(fixture);
      await clock.advance(60_000);
    }
    expect(fake.calls.filter((call) => call === 'cancel')).toHaveLength(2);
  });
});

describe('a batch that was refused whole', () => {
  test('the named lines fail with the provider’s words, the others go back and lose no attempt', async () => {
    const fixture = createEngineFixture();
    const { run, batch } = await submitted(fixture, 5);
    const errors = [
      { code: 'invalid_json_line', message: 'line 2 is not JSON', line: 2 },
      { code: 'invalid_json_line', message: 'line 2 again', line: 2 },
      { code: 'model_mismatch', message: 'line 4 has another model', line: 4 },
      { code: 'x', message: 'beyond the end', line: 99 },
    ];
    await refuse(fixture, { refusal: 'rows', errors });
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'failed', errorCode: 'invalid_json_line' });
    const rows = await results(fixture, run.id);
    expect(rows.map((row) => [row.state, row.errorMessage, row.attempts])).toEqual([
      ['pending', undefined, 0],
      ['failed', 'line 2 is not JSON', 1],
      ['pending', undefined, 0],
      ['failed', 'line 4 has another model', 1],
      ['pending', undefined, 0],
    ]);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ queued: 3, failed: 2 });
  });

  test('a fault that is nobody’s line fails them all: the next batch would be refused as well', async () => {
    const fixture = createEngineFixture();
    const { run } = await submitted(fixture, 3);
    await refuse(fixture, { refusal: 'batch', errors: [{ code: 'model_not_found', message: 'no model gpt-9' }] });
    const rows = await results(fixture, run.id);
    expect(rows.map((row) => row.errorCode)).toEqual(Array(3).fill('model_not_found'));
    expect(rows[0]?.errorMessage).toBe('no model gpt-9');
  });

  test('without any reason they fail too, and the message says so', async () => {
    const fixture = createEngineFixture();
    const { run } = await submitted(fixture, 1);
    await refuse(fixture, { errors: [] });
    expect((await results(fixture, run.id))[0]).toMatchObject({
      state: 'failed',
      errorMessage: expect.stringMatching(/reason/),
    });
  });

  test('a full queue at the provider: the same file is submitted again later, for as long as it takes', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    // Another batch takes the room, and will give it back.
    const other = (await submitted(fixture, 1)).batch.remoteId;
    const { run, batch } = await submitted(fixture, 2, {}, 'late');
    const errors = [{ code: 'token_limit_exceeded', message: 'enqueued token limit reached' }];
    for (let round = 1; round <= 30; round++) {
      await refuse(fixture, { refusal: 'no_room', errors }, other);
      await step(fixture);
      const waiting = await batchOf(fixture, batch.id);
      expect(waiting).toMatchObject({ state: 'packed', inputFileId: batch.inputFileId });
      expect(waiting.nextAt).toBeGreaterThan(clock.now());
      await clock.advance(120_000);
      await step(fixture);
      await step(fixture);
      expect(fake.remotes).toHaveLength(round + 2);
    }
    expect(fake.calls.filter((call) => call === 'upload')).toHaveLength(2);
    endRemote(fake);
    await clock.advance(120_000);
    await step(fixture);
    await step(fixture);
    expect((await runOf(fixture, run.id)).counts.succeeded).toBe(2);
    expect((await results(fixture, run.id))[0]?.attempts).toBe(1);
  });

  test('larger than the account has room for: the limit is learned, its jobs travel in smaller batches', async () => {
    const fixture = createEngineFixture(
      createFakeProvider({ limits: { enqueued: { unit: 'tokens', scope: 'model' } } }),
    );
    const { run, batch } = await submitted(fixture, 5);
    // Five requests of ten tokens by our estimate.
    const errors = [{ code: 'token_limit_exceeded', message: 'Limit: 30 enqueued tokens' }];
    await refuse(fixture, { refusal: 'no_room', limit: 30, errors });
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'failed', errorCode: 'token_limit_exceeded' });
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ queued: 5, failed: 0 });
    await fixture.clock.advance(30_000);
    const smaller = await pack(fixture.engine, await openBatch(fixture, run.id), signal);
    expect(smaller).toMatchObject({ requests: 3, tokens: 30 });
    expect(await fixture.store.getLimit(batch.account, batch.model)).toMatchObject({ limit: 30 });
  });

  test('a named limit far above what is ours: somebody else fills the account, and the same file waits', async () => {
    const enqueued = { unit: 'tokens', scope: 'model' } as const;
    const fixture = createEngineFixture(createFakeProvider({ limits: { enqueued } }));
    const { batch } = await submitted(fixture, 5);
    const errors = [{ code: 'token_limit_exceeded', message: 'Limit: 2,000,000 enqueued tokens' }];
    await refuse(fixture, { refusal: 'no_room', limit: 2_000_000, errors });
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'packed', inputFileId: batch.inputFileId });
    expect(await fixture.store.getLimit(batch.account, batch.model)).toMatchObject({ limit: 2_000_000 });
  });

  test('while the run is being cancelled, its jobs are cancelled', async () => {
    const fixture = createEngineFixture();
    const { run } = await submitted(fixture, 2);
    await fixture.store.updateRun(run.id, { state: 'cancelling' }, fixture.clock.now());
    const refused = {
      phase: 'refused',
      rawStatus: 'failed',
      refusal: 'no_room',
      errors: [{ code: 'x', message: 'y' }],
    };
    for (const remote of fixture.fake.remotes) Object.assign(remote, refused);
    await step(fixture);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ cancelled: 2, queued: 0 });
  });

  test('a crash while the others go back blames nobody else when it is done again', async () => {
    const fixture = createEngineFixture();
    const { store, clock, fake, engine } = fixture;
    fake.limits.maxRequests = 3_000;
    const run = await addRun(fixture, 2_500);
    const [lane] = await store.findLanes({ accounts: ['fake:account-1'] }, clock.now());
    const opened = await store.openBatch(lane?.id ?? 0, 'crashabc23', {
      owner: engine.owner,
      now: clock.now(),
      leaseMs: 30_000,
    });
    await advance(engine, opened, signal);
    const errors = [{ code: 'invalid_json_line', message: 'line 1200', line: 1200 }];
    for (const remote of fake.remotes) {
      Object.assign(remote, { phase: 'refused', rawStatus: 'failed', refusal: 'rows', errors });
    }
    await clock.advance(10_000);
    // The worker dies after the named row and one chunk of the others were booked.
    let books = 0;
    const dying = new Proxy(store, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...input: unknown[]) => {
          if (name === 'book' && ++books > 2) throw new Error('killed');
          return Reflect.apply(method, target, input);
        };
      },
    });
    await expect(step(fixture, { ...engine, store: dying })).rejects.toThrow('killed');
    await store.releaseOwner('worker-a', clock.now());
    await step(fixture);
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ failed: 1, queued: 2_499 });
  });
});
