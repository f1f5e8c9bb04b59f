import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Batch } from '../batch.ts';
import { customId } from '../ids.ts';
import { priceOf } from '../prices.ts';
import type { Recipe } from '../recipe.ts';
import type { Run } from '../run.ts';
import type { Store } from '../store.ts';
import type { LaneKey, NewJob, NewRun } from '../store-rows.ts';
import { createSqliteStore, type SqliteStore } from '../stores/sqlite/sqlite-store.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { advance } from './advance.ts';
import type { Engine, EngineEvent } from './engine.ts';
import { leaseOf } from './engine.ts';
import { account, createFakeProvider, endRemote, type FakeProvider } from './fake-provider-fixtures.ts';

/** A provider that answers as the test says, a real store in a temporary folder, and time that the test moves. */

export interface EngineFixture {
  engine: Engine;
  store: Store;
  clock: ReturnType<typeof createFakeClock>;
  fake: FakeProvider;
  events: EngineEvent[];
  /** Another connection to the same store. */
  connect(owner: string): SqliteStore;
}

export const lane: LaneKey = {
  provider: 'openai',
  account,
  model: 'gpt-5-mini',
  endpoint: '/v1/chat/completions',
  mode: 'batch',
};

export function createEngineFixture(fake = createFakeProvider(), change: Partial<Engine> = {}): EngineFixture {
  const folder = mkdtempSync(join(tmpdir(), 'offpeak-engine-'));
  const clock = createFakeClock();
  const events: EngineEvent[] = [];
  const stores: Store[] = [];
  const connect = (owner: string) => {
    const opened = createSqliteStore({ path: join(folder, 'offpeak.db'), owner, now: clock.now });
    stores.push(opened);
    return opened;
  };
  const store = connect('worker-a');
  onTestFinished(async () => {
    for (const opened of stores) await opened.close();
    rmSync(folder, { recursive: true });
  });
  const engine: Engine = {
    store,
    providers: new Map([[account, fake.provider]]),
    createRecipe: () => acceptAll,
    priceOf,
    clock,
    random: seededRandom(7),
    owner: 'worker-a',
    leaseMs: 30_000,
    crashpoint: () => {},
    emit: (event) => events.push(event),
    retry: { baseMs: 1_000, maxMs: 60_000 },
    sequentialPauseMs: 500,
    maxUnavailable: Number.POSITIVE_INFINITY,
    ...change,
  };
  return { engine, store, clock, fake, events, connect };
}

export const acceptAll: Recipe = {
  description: { type: 'test' },
  toRequest: (item) => ({ type: 'native', model: lane.model, endpoint: lane.endpoint, body: { key: item.key } }),
};

function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

let runs = 0;

/** A run with these jobs. */
export async function addRun(
  { store, clock }: EngineFixture,
  jobs: number | readonly NewJob[],
  change: Partial<NewRun> & { state?: Run['state']; lane?: Partial<LaneKey> } = {},
): Promise<Run> {
  runs += 1;
  const { state = 'running', lane: laneChange, ...rest } = change;
  const { run } = await store.createRun(
    {
      id: `run-${runs}`,
      fingerprint: `fingerprint-${runs}`,
      mode: 'auto',
      provider: 'openai',
      model: lane.model,
      priority: 5,
      maxAttempts: 3,
      concurrency: 5,
      timeoutMs: 30_000,
      simulated: false,
      fresh: false,
      primeCache: false,
      recipe: { type: 'test' },
      source: { type: 'test' },
      ...rest,
    },
    clock.now(),
  );
  const added = typeof jobs === 'number' ? newJobs(jobs, { ...lane, ...laneChange }) : jobs;
  for (let i = 0; i < added.length; i += 1000) {
    await store.addJobs(run.id, added.slice(i, i + 1000), { now: clock.now(), reuse: false, reopen: false });
  }
  return state === 'open' ? run : store.updateRun(run.id, { state }, clock.now());
}

/** Ten tokens in, at most a hundred out. */
export const size = { inputTokens: 10, maxInputTokens: 40, maxOutputTokens: 100 };

export function newJobs(count: number, key: LaneKey = lane, prefix = 'item'): NewJob[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `${prefix}-${i + 1}`,
    position: i + 1,
    request: { lane: key, body: `{"input":"${prefix}-${i + 1}"}`, size },
  }));
}

export async function openBatch({ store, clock, engine }: EngineFixture, runId: string): Promise<Batch> {
  const [found] = await store.findLanes({ accounts: [account], runId }, clock.now());
  if (!found) throw new Error(`run ${runId} has no lane with queued jobs`);
  const nonce = `nonce${'abcdefghijkmnp'[runs % 14]}${Math.random().toString(36).slice(2, 6).replaceAll(/[01]/g, 'x').padEnd(4, 'z')}`;
  return store.openBatch(found.id, nonce, { owner: engine.owner, now: clock.now(), leaseMs: engine.leaseMs });
}

/** One claim of a batch that is due, taken as far as it goes now; undefined when none is due. */
export async function step(fixture: EngineFixture, engine = fixture.engine): Promise<Batch | undefined> {
  const owner = { owner: engine.owner, now: fixture.clock.now(), leaseMs: engine.leaseMs };
  const batch = await engine.store.claimBatch({ accounts: [account] }, owner);
  if (!batch) return undefined;
  await advance(engine, batch, new AbortController().signal);
  return batchOf(fixture, batch.id);
}

/** Packs and submits all jobs of a run as one batch that the provider has accepted. */
export async function submitted(
  fixture: EngineFixture,
  jobs: number,
  change: Partial<NewRun> = {},
  prefix: string | undefined = undefined,
) {
  const run = await addRun(fixture, newJobs(jobs, lane, prefix), change);
  const batch = await openBatch(fixture, run.id);
  await advance(fixture.engine, batch, new AbortController().signal);
  return { run, batch: await batchOf(fixture, batch.id) };
}

/** As `submitted`, the provider done, and our record says so too. */
export async function ended(fixture: EngineFixture, jobs: number, change: Partial<NewRun> = {}) {
  const made = await submitted(fixture, jobs, change);
  endRemote(fixture.fake);
  return made;
}

export async function batchOf({ store }: EngineFixture, id: number): Promise<Batch> {
  const batch = (await store.listBatches()).find((candidate) => candidate.id === id);
  if (!batch) throw new Error(`there is no batch ${id}`);
  return batch;
}

export async function runOf({ store }: EngineFixture, id: string): Promise<Run> {
  const run = await store.getRun(id);
  if (!run) throw new Error(`there is no run ${id}`);
  return run;
}

export async function results({ store }: EngineFixture, runId: string) {
  return store.readResults(runId, { limit: 10_000 });
}

/** A store whose methods a test can watch, or break. */
export function spyStore(store: Store, spy: (method: string, input: readonly unknown[]) => void): Store {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...input: unknown[]) => {
        spy(String(name), input);
        return Reflect.apply(method, target, input);
      };
    },
  });
}

export function ourId(batch: Batch, job: number, attempt = 1): string {
  return customId(batch.nonce, job, attempt);
}

export * from './fake-provider-fixtures.ts';
export { leaseOf };
