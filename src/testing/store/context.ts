import { afterEach, beforeEach, expect } from 'vitest';
import type { Batch, BatchState } from '../../batch.ts';
import { customId } from '../../ids.ts';
import { type JobState, jobStates } from '../../job.ts';
import type { Rates } from '../../prices.ts';
import type { Run } from '../../run.ts';
import type { Store } from '../../store.ts';
import type { AddOptions, BookRow, CostBound, LaneKey, Lease, NewJob, NewRun, PackRoom } from '../../store-rows.ts';
import { type Tally, watchStore } from './watch-store.ts';

/** What every part of the suite works with: one store a test, watched, checked and closed after it. */

export interface MakeStoreOptions {
  /** Names the first connection on its leases; `second` and `reopen` get names of their own. */
  owner?: string;
  now?: () => number;
}

export interface StoreUnderTest {
  store: Store;
  /** Opens the same data as a new process does after the process of `store` was killed: `store` is not closed. */
  reopen(): Promise<Store>;
  /** Another connection, while everybody else goes on. */
  second(): Promise<Store>;
  /** Closes all of them and removes the data. */
  close(): Promise<void>;
}

export type MakeStore = (options?: MakeStoreOptions) => Promise<StoreUnderTest>;

export interface StoreContext {
  readonly store: Store;
  second(): Promise<Store>;
  reopen(): Promise<Store>;
}

export const firstOwner = 'worker-a';
export const start = Date.UTC(2026, 10, 20, 12);

/** Registers the hooks: a new store before each test; after it `check` must be empty and the counts must add up. */
export function useStore(make: MakeStore): StoreContext {
  let made: { under: StoreUnderTest; store: Store; tally: Tally } | undefined;
  const current = () => {
    if (!made) throw new Error('the store was not made');
    return made;
  };
  beforeEach(async () => {
    const under = await make({ owner: firstOwner, now: () => start });
    const tally: Tally = { jobs: new Map(), pending: 0 };
    made = { under, tally, store: watchStore(under.store, tally) };
  });
  afterEach(async () => {
    if (!made) return;
    const { under, store } = made;
    made = undefined;
    try {
      expect(await store.check(), 'check() after the test').toEqual([]);
    } finally {
      await under.close();
    }
  });
  return {
    get store() {
      return current().store;
    },
    second: async () => watchStore(await current().under.second(), current().tally),
    reopen: async () => watchStore(await current().under.reopen(), current().tally),
  };
}

export const batchLane: LaneKey = {
  provider: 'fake',
  account: 'fake:account-1',
  model: 'model-1',
  endpoint: '/v1/answers',
  mode: 'batch',
};
export const realtimeLane: LaneKey = { ...batchLane, endpoint: '/v1/now', mode: 'realtime' };
export const everything = { accounts: [batchLane.account] };
export const adding: AddOptions = { now: start, reuse: false, reopen: false };

let runsMade = 0;
export function newRun(change: Partial<NewRun> = {}): NewRun {
  runsMade += 1;
  return {
    id: `run-20261120-120000-${runsMade.toString().padStart(4, '0')}`,
    fingerprint: `fingerprint-${runsMade}`,
    mode: 'auto',
    provider: 'fake',
    model: 'model-1',
    priority: 5,
    maxAttempts: 3,
    concurrency: 5,
    timeoutMs: 30_000,
    simulated: false,
    fresh: false,
    primeCache: false,
    recipe: { type: 'prompt', prompt: 'Say "it"\u2028' },
    source: { type: 'files', patterns: ['*.txt'] },
    ...change,
  };
}

/** Four bytes a token, and at most a hundred tokens of answer. */
export function sizeOf(body: string) {
  return { inputTokens: Math.ceil(body.length / 4), maxInputTokens: Buffer.byteLength(body), maxOutputTokens: 100 };
}

export function newJob(key: string, body = `{"input":${JSON.stringify(key)}}`, lane = batchLane, position = 1): NewJob {
  return { key, position, request: { lane, body, size: sizeOf(body) } };
}

export function newJobs(count: number, lane = batchLane, prefix = 'item'): NewJob[] {
  return Array.from({ length: count }, (_, i) => newJob(`${prefix}-${i + 1}`, undefined, lane, i + 1));
}

export function leaseFor(owner: string = firstOwner, now = start, leaseMs = 30_000) {
  return { owner, now, leaseMs };
}

export function room(change: Partial<PackRoom> = {}): PackRoom {
  return { requests: 1000, bytes: 1e9, maxBytes: 1e9, now: start, lineOverhead: 0, ...change };
}

/** What a request's custom id takes in the body of its batch. */
export function idBytes({ nonce }: Batch, { job, attempt }: { job: number; attempt: number }): number {
  return customId(nonce, job, attempt).length;
}

/** A price by which every request of `sizeOf` costs at most so many nano-dollars, and nothing for its input. */
export function mostPerRequest(nanoUsd: number): CostBound {
  return boundBy({ input: 0, output: nanoUsd / 100 / 1000 });
}

/** A nano-dollar for each token that the input may have. */
export const mostPerInputToken: CostBound = boundBy({ input: 1 / 1000, output: 0 });

function boundBy(rates: Rates): CostBound {
  return { price: { ...rates, batch: { factor: 1 }, source: 'the test' }, inBatch: true };
}

export const leaseOf = (batch: Batch): Lease => ({ batchId: batch.id, generation: batch.generation });

/** A run with these jobs in one lane. */
export async function fill(store: Store, jobs: readonly NewJob[], change: Partial<NewRun> = {}) {
  const { run } = await store.createRun(newRun(change), start);
  await store.addJobs(run.id, jobs, adding);
  return { run, lane: await laneOf(store, run) };
}

export async function laneOf(store: Store, run: Run): Promise<number> {
  const [lane] = await store.findLanes({ ...everything, runId: run.id }, start);
  if (!lane) throw new Error(`run ${run.id} has no lane`);
  return lane.id;
}

let nonces = 0;
export function nonce(): string {
  nonces += 1;
  return `nonce${nonces.toString().padStart(5, '2').replaceAll(/[01]/g, 'x')}${nonces}`;
}

/** Claims the lane's jobs into a new batch. */
export async function packBatch(store: Store, lane: number, change: Partial<PackRoom> = {}, owner = firstOwner) {
  const batch = await store.openBatch(lane, nonce(), leaseFor(owner));
  const packed = await store.packJobs(leaseOf(batch), room(change));
  return { batch, packed, lease: leaseOf(batch), attempts: await attemptsOf(store, batch.id) };
}

/** A batch that the provider has accepted, all its jobs running. */
export async function sendBatch(store: Store, lane: number, change: Partial<PackRoom> = {}) {
  const sent = await packBatch(store, lane, change);
  for (const state of ['packed', 'submitting', 'in_progress'] as const) {
    await store.updateBatch(sent.lease, { state }, start);
  }
  let after: number | undefined = 0;
  while (after !== undefined) after = await store.startJobs(sent.lease, after);
  return sent;
}

export async function moveThrough(store: Store, lease: Lease, states: readonly BatchState[]): Promise<void> {
  for (const state of states) await store.updateBatch(lease, { state }, start);
}

/** Takes a batch to an end in which it is no longer looked at, its rows all booked. */
export async function endBatch(store: Store, lease: Lease): Promise<void> {
  await moveThrough(store, lease, ['ended', 'collecting', 'collected']);
}

export async function attemptsOf(store: Store, batchId: number, openOnly = false) {
  return store.readAttempts(batchId, { afterJob: 0, limit: 10_000, openOnly });
}

export const succeeded = (ref: { job: number; attempt: number }, change: Partial<BookRow> = {}): BookRow => ({
  job: ref.job,
  attempt: ref.attempt,
  outcome: 'succeeded',
  next: 'succeeded',
  at: start + 5_000,
  output: `answer to ${ref.job}`,
  ...change,
});

export const failed = (ref: { job: number; attempt: number }, change: Partial<BookRow> = {}): BookRow => ({
  job: ref.job,
  attempt: ref.attempt,
  outcome: 'failed',
  next: 'failed',
  at: start + 5_000,
  errorCode: 'server_error',
  errorMessage: 'the provider has failed',
  ...change,
});

export const returned = (ref: { job: number; attempt: number }, change: Partial<BookRow> = {}): BookRow => ({
  job: ref.job,
  attempt: ref.attempt,
  outcome: 'returned',
  next: 'queued',
  at: start + 5_000,
  ...change,
});

/** The exact state of every job of a run, which results alone do not show. */
export async function statesOf(store: Store, runId: string): Promise<Map<number, JobState>> {
  const states = new Map<number, JobState>();
  for (const state of jobStates) {
    for (const row of await store.readResults(runId, { limit: 100_000, states: [state] })) states.set(row.job, state);
  }
  return states;
}

export async function runOf(store: Store, id: string): Promise<Run> {
  const run = await store.getRun(id);
  if (!run) throw new Error(`run ${id} is gone`);
  return run;
}

export function first<T>(items: readonly T[]): T {
  const [item] = items;
  if (item === undefined) throw new Error('expected at least one');
  return item;
}
