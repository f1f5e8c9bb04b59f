import { describe, expect, test } from 'vitest';
import { OffpeakError } from '../errors.ts';
import { advance } from './advance.ts';
import {
  addRun,
  batchOf,
  createEngineFixture,
  createFakeProvider,
  openBatch,
  runOf,
  spyStore,
  step,
  submitted,
} from './engine-fixtures.ts';

const signal = new AbortController().signal;

test('a worker that lost its lease in the middle of the upload does not go on to create', async () => {
  const fixture = createEngineFixture();
  const { fake, store, engine, clock } = fixture;
  const run = await addRun(fixture, 3);
  const opened = await openBatch(fixture, run.id);
  fake.on.upload = async () => {
    // Another worker takes the batch while this one is stopped.
    await store.releaseOwner(engine.owner, clock.now());
    await store.claimBatch({}, { owner: 'worker-b', now: clock.now(), leaseMs: 30_000 });
  };
  await advance(engine, opened, new AbortController().signal);
  expect(fake.calls).not.toContain('create');
});

test('where the create carries the requests, losing the lease in the middle of them stops it', async () => {
  const fixture = createEngineFixture(createFakeProvider({ proof: 'results' }));
  const { fake, store, engine, clock } = fixture;
  const run = await addRun(fixture, 3);
  const opened = await openBatch(fixture, run.id);
  const losing = {
    ...engine,
    crashpoint: (name: string) => {
      if (name !== 'C6') return;
      void store.releaseOwner(engine.owner, clock.now());
      void store.claimBatch({}, { owner: 'worker-b', now: clock.now(), leaseMs: 30_000 });
    },
  };
  await advance(losing, opened, new AbortController().signal);
  expect(fake.remotes).toHaveLength(0);
});

describe('the order in which a batch is sent', () => {
  test('file id saved, then `submitting` saved, then exactly one create, then the batch id saved', async () => {
    const fixture = createEngineFixture();
    const { store, fake } = fixture;
    const log: string[] = [];
    const watched = spyStore(store, (method, input) => {
      if (method === 'updateBatch')
        log.push(
          `save ${Object.keys(input[1] as object)
            .sort()
            .join()} ${JSON.stringify(input[1])}`,
        );
      if (method === 'startJobs') log.push('startJobs');
    });
    const run = await addRun(fixture, 3);
    const batch = await openBatch(fixture, run.id);
    fake.on.upload = () => void log.push('UPLOAD');
    fake.on.create = (make) => {
      log.push('CREATE');
      return make();
    };
    await advance({ ...fixture.engine, store: watched }, batch, signal);
    const at = (part: string) => log.findIndex((line) => line.includes(part));
    const order = [
      'UPLOAD',
      '"inputFileId":"file-1"',
      '"state":"submitting"',
      'CREATE',
      '"remoteId":"batch_1"',
      'startJobs',
    ];
    expect(order.map(at)).toEqual([...order.map(at)].sort((a, b) => a - b));
    expect(order.map(at)).not.toContain(-1);
    expect(at('"sha256"')).toBe(at('"inputFileId":"file-1"'));
    expect(fake.calls.filter((call) => call === 'create')).toHaveLength(1);
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'in_progress', remoteId: 'batch_1' });
    expect((await runOf(fixture, run.id)).counts.running).toBe(3);
  });

  test('the file holds every request once, in job order, with ids that carry the nonce', async () => {
    const fixture = createEngineFixture();
    const { batch } = await submitted(fixture, 50);
    const lines = fixture.fake.files.get('file-1') ?? [];
    expect(lines).toHaveLength(50);
    expect(lines.every((line) => line.customId.startsWith(`op-${batch.nonce}-`))).toBe(true);
    expect(lines[0]?.body).toBe('{"input":"item-1"}');
    expect(new Set(lines.map((line) => line.customId)).size).toBe(50);
  });

  test('an upload that fails is tried again with a pause; nothing was created', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    fake.on.upload = () => {
      if (fake.calls.length <= 2) throw new OffpeakError('reset', { code: 'unavailable', retryable: true });
    };
    const { batch } = await submitted(fixture, 1);
    expect(batch).toMatchObject({ state: 'packed', tries: 1 });
    expect(batch.nextAt).toBeGreaterThan(clock.now());
    expect(await step(fixture)).toBeUndefined();
    await clock.advance(60_000);
    await step(fixture);
    await clock.advance(60_000);
    expect(await step(fixture)).toMatchObject({ state: 'in_progress' });
    expect(fake.calls.filter((call) => call === 'create')).toHaveLength(1);
  });

  test('a create that was surely not done is done again later, with the same file', async () => {
    const fixture = createEngineFixture();
    const { fake, clock } = fixture;
    let tries = 0;
    fake.on.create = (make) => {
      tries += 1;
      if (tries === 1) throw new OffpeakError('slow down', { code: 'rate_limited', retryAfterMs: 7_000 });
      return make();
    };
    const { batch } = await submitted(fixture, 1);
    expect(batch).toMatchObject({ state: 'packed', inputFileId: 'file-1' });
    expect(batch.nextAt - clock.now()).toBeGreaterThanOrEqual(7_000);
    await clock.advance(60_000);
    expect(await step(fixture)).toMatchObject({ state: 'in_progress', inputFileId: 'file-1' });
    expect(fake.calls.filter((call) => call === 'upload')).toHaveLength(1);
  });

  test('a lost reply leaves the batch `unknown`, and no second create is sent', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.create = (make) => {
      make();
      throw new OffpeakError('reset', { code: 'outcome_unknown' });
    };
    const { batch, run } = await submitted(fixture, 2);
    expect(batch.state).toBe('unknown');
    expect((await runOf(fixture, run.id)).counts.packed).toBe(2);
  });

  test('an error nobody knows leaves the outcome open as well: never create again on a guess', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.create = (make) => {
      make();
      throw new TypeError('the adapter has a bug, after the request was sent');
    };
    const run = await addRun(fixture, 2);
    const batch = await openBatch(fixture, run.id);
    await advance(fixture.engine, batch, signal).catch(() => {});
    expect((await batchOf(fixture, batch.id)).state).not.toBe('packed');
  });

  test('a bad key stops the worker, and the batch waits as it is', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.create = () => {
      throw new OffpeakError('bad key', { code: 'auth' });
    };
    const run = await addRun(fixture, 1);
    const batch = await openBatch(fixture, run.id);
    await expect(advance(fixture.engine, batch, signal)).rejects.toMatchObject({ code: 'auth' });
    expect(await batchOf(fixture, batch.id)).toMatchObject({ state: 'packed', inputFileId: 'file-1' });
    expect(await fixture.store.claimBatch({ accounts: ['fake:account-1'] }, lease(fixture, 'worker-b'))).toBeDefined();
  });

  test('a batch that the provider will never take fails its jobs with the provider’s words', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.create = () => {
      throw new OffpeakError('the endpoint is not supported', { code: 'rejected' });
    };
    const { run, batch } = await submitted(fixture, 3);
    expect(batch.state).toBe('failed');
    expect((await runOf(fixture, run.id)).counts.failed).toBe(3);
    const rows = await fixture.store.readResults(run.id, { limit: 1 });
    expect(rows[0]?.errorMessage).toContain('not supported');
  });

  test('found in `submitting`, its worker gone, it is `unknown`, and reconciled before anything', async () => {
    const fixture = createEngineFixture();
    const { store, clock, fake } = fixture;
    const run = await addRun(fixture, 1);
    const batch = await openBatch(fixture, run.id);
    const crash = new Error('killed');
    const engine = { ...fixture.engine, crashpoint: (name: string) => name === 'C9' && fail(crash) };
    await expect(advance(engine, batch, signal)).rejects.toBe(crash);
    expect((await batchOf(fixture, batch.id)).state).toBe('submitting');
    await store.releaseOwner('worker-a', clock.now());
    const after = await step(fixture);
    expect(after).toMatchObject({ state: 'unknown', absences: 1 });
    expect(fake.calls).not.toContain('create');
  });

  test('a crash after the batch id was saved loses no answer', async () => {
    const fixture = createEngineFixture();
    const { store, clock, fake } = fixture;
    const run = await addRun(fixture, 3);
    const batch = await openBatch(fixture, run.id);
    const engine = { ...fixture.engine, crashpoint: (name: string) => name === 'C11' && fail(new Error('killed')) };
    await expect(advance(engine, batch, signal)).rejects.toThrow('killed');
    await store.releaseOwner('worker-a', clock.now());
    for (const remote of fake.remotes) Object.assign(remote, { phase: 'ended', rawStatus: 'completed' });
    await clock.advance(10_000);
    expect(await step(fixture)).toMatchObject({ state: 'collected' });
    expect((await runOf(fixture, run.id)).counts).toMatchObject({ succeeded: 3, packed: 0 });
    expect(await store.check()).toEqual([]);
  });

  test('held up for longer than its lease before the create, it goes on only while nobody has taken over', async () => {
    for (const isTaken of [false, true]) {
      const fixture = createEngineFixture();
      const { fake, clock, store } = fixture;
      const run = await addRun(fixture, 1);
      const batch = await openBatch(fixture, run.id);
      let held = false;
      const engine = {
        ...fixture.engine,
        crashpoint: (name: string) => {
          if (name !== 'C9' || held) return;
          held = true;
          clock.jump(31_000);
          if (!isTaken) return;
          // Synchronous underneath: done before the engine goes on.
          void store.releaseLapsed(clock.now());
          void store.claimBatch({ accounts: ['fake:account-1'] }, lease(fixture, 'worker-b'));
        },
      };
      await advance(engine, batch, signal);
      const owners = await store.listOwners();
      if (isTaken) {
        expect(fake.calls).not.toContain('create');
        expect(owners).toContain('worker-b');
        continue;
      }
      // Not held for ever by a worker that lives and renews all of its leases.
      for (let round = 0; round < 20 && fake.remotes.length === 0; round++) {
        await store.renewLeases('worker-a', clock.now() + 30_000);
        await clock.advance(60_000);
        await step(fixture);
      }
      expect(fake.remotes).toHaveLength(1);
      expect(fake.calls.filter((call) => call === 'create')).toHaveLength(1);
    }
  });
});

describe('a provider without a batch API', () => {
  test('its 404 turns the lane to realtime, one after another, and the run says so', async () => {
    const fixture = createEngineFixture(createFakeProvider());
    fixture.fake.on.upload = () => {
      throw new OffpeakError('404', { code: 'batch_unavailable' });
    };
    const { run, batch } = await submitted(fixture, 3);
    expect(batch.state).toBe('abandoned');
    const after = await runOf(fixture, run.id);
    expect(after.note).toMatch(/realtime/);
    expect(after.counts.queued).toBe(3);
    const [lane] = await fixture.store.findLanes({ accounts: ['fake:account-1'] }, fixture.clock.now());
    expect(lane?.mode).toBe('sequential');
    const [row] = await fixture.store.readResults(run.id, { limit: 1 });
    expect(row?.attempts).toBe(0);
  });

  test('also when only the create says so', async () => {
    const fixture = createEngineFixture();
    fixture.fake.on.create = () => {
      throw new OffpeakError('404', { code: 'batch_unavailable' });
    };
    const { run, batch } = await submitted(fixture, 2);
    expect(batch.state).toBe('abandoned');
    expect((await runOf(fixture, run.id)).counts.queued).toBe(2);
  });
});

function lease({ clock }: ReturnType<typeof createEngineFixture>, owner: string) {
  return { owner, now: clock.now() + 3_600_000, leaseMs: 30_000 };
}

function fail(error: Error): never {
  throw error;
}
