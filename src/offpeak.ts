import { createHash } from 'node:crypto';
import type { Batch } from './batch.ts';
import { canonicalJson } from './canonical-json.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { adopt, listOrphans } from './engine/adopt.ts';
import { type DeliverOptions, deliver } from './engine/deliver.ts';
import { type Engine, type EngineEvent, nextTurn, type RetryOptions } from './engine/engine.ts';
import { enqueue, noJobsAdded, seal } from './engine/enqueue.ts';
import { packRun } from './engine/pack-run.ts';
import { createWorker, type Worker } from './engine/worker.ts';
import { isOffpeakError, OffpeakError } from './errors.ts';
import { newRunId, type Random } from './ids.ts';
import { unfinishedOf } from './job.ts';
import { type Price, priceOf } from './prices.ts';
import type { Provider, RemoteBatch } from './provider.ts';
import type { Recipe } from './recipe.ts';
import { createRecipe } from './recipes/recipes.ts';
import type { Description, Run, RunMode } from './run.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import { createSource } from './sources/sources.ts';
import type { Store } from './store.ts';
import type { AddedJobs } from './store-rows.ts';
import { isOwnerAlive, processOwner } from './stores/process-owner.ts';

export interface OffpeakOptions {
  store: Store;
  providers: readonly Provider[];
  /** Rebuild recipes and sources of runs that another process began; by default those that come with Offpeak. */
  createRecipe?: (description: Description) => Recipe;
  createSource?: (description: Description) => Source;
  /** Names this process on its leases; unique. */
  owner?: string;
  /** Whether another owner's process still runs; one of another machine counts as alive until its lease lapses. */
  isAlive?: (owner: string) => boolean;
  /** List prices; default those of the models that Offpeak knows itself. Undefined: the price is unknown. */
  priceOf?: (provider: string, model: string) => Price | undefined;
  clock?: Clock;
  random?: Random;
  /** A lease that is not renewed for so long is free. */
  leaseMs?: number;
  retry?: RetryOptions;
  sequentialPauseMs?: number;
  /** Tries that find nobody before `work` rejects; Infinity: never. */
  maxUnavailable?: number;
  onEvent?: (event: EngineEvent) => void;
  /** For crash tests only. */
  crashpoint?: (name: string) => void;
}

export interface SubmitInput {
  source: Source;
  recipe: Recipe;
  provider: Provider;
  model: string;
  name?: string;
  mode?: RunMode;
  priority?: number;
  maxAttempts?: number;
  concurrency?: number;
  timeoutMs?: number;
  /** Send everything again: a new run that reuses nothing. */
  fresh?: boolean;
  /** Milliseconds since 1970: what a batch would bring later goes realtime, at the full price. */
  deadlineAt?: number;
  /** Nano-dollars; never exceeded, what does not fit waits. Needs a known price and a limit on each answer. */
  budgetNanoUsd?: number;
  /** One row goes first and warms the provider's cache for the prefix that all share. */
  primeCache?: boolean;
  /** Kept with the run, for the command that ends it. */
  output?: { path: string; format: string };
  note?: string;
}

/** Batch LLM work over one store: submit, work, read. Any number of these, in any number of processes. */
export interface Offpeak {
  readonly store: Store;
  /** The unfinished run of the same request, or a new one. Nothing is read or sent yet. */
  begin(input: SubmitInput): Promise<{ run: Run; attached: boolean }>;
  /**
   * Reads the run's source into the store, to its end; may be interrupted and repeated. `reopen` gives items that failed
   * or were skipped another chance.
   */
  fill(run: Run, options?: FillOptions): Promise<AddedJobs>;
  /** Works on a run until it has ended, or on everything until the signal. */
  worker(options?: { runId?: string; untilSubmitted?: boolean }): Worker;
  /**
   * Packs what the run can have sent now, in as many batches as it needs; any worker sends them. For the queues of a
   * service, whose run stays open.
   */
  packQueue(runId: string, signal?: AbortSignal): Promise<Batch[]>;
  /** Failed (or cancelled) jobs back into the queue; returns how many. */
  retry(runId: string, states?: readonly ('failed' | 'cancelled')[]): Promise<number>;
  /** Asks for the end of a run: what was not sent is dropped, what the provider has is stopped, what is done stays. */
  cancel(runId: string): Promise<Run>;
  /**
   * Brings in a provider's batch that somebody else submitted: waits for its end, and its results become a run under the
   * custom ids it was submitted with. `conflict` when a run of this store has it already.
   */
  adopt(provider: Provider, remoteId: string, signal?: AbortSignal): Promise<{ run: Run; unreadable: number }>;
  /** Batches at a provider's account that no run of this store owns. */
  listOrphans(provider: Provider, signal?: AbortSignal): AsyncIterable<RemoteBatch>;
  deliver(runId: string, sink: Sink, options?: DeliverOptions): Promise<number>;
  close(): Promise<void>;
}

export interface FillOptions {
  reopen?: boolean;
  /** Go on with what is stored when the source is not there any more, instead of throwing. */
  mayBeGone?: boolean;
  signal?: AbortSignal;
  onChunk?: (total: AddedJobs) => void;
}

export function createOffpeak(options: OffpeakOptions): Offpeak {
  const engine: Engine = {
    store: options.store,
    providers: new Map(options.providers.map((provider) => [provider.account, provider])),
    createRecipe: options.createRecipe ?? createRecipe,
    priceOf: options.priceOf ?? priceOf,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    owner: options.owner ?? processOwner(),
    leaseMs: options.leaseMs ?? 30_000,
    crashpoint: options.crashpoint ?? (() => {}),
    emit: options.onEvent ?? (() => {}),
    retry: options.retry ?? { baseMs: 1_000, maxMs: 60_000 },
    sequentialPauseMs: options.sequentialPauseMs ?? 500,
    maxUnavailable: options.maxUnavailable ?? Number.POSITIVE_INFINITY,
  };
  const { store, clock } = engine;
  return {
    store,
    begin: (input) => begin(engine, input),
    fill: (run, how = {}) => fill(engine, options, run, how),
    worker: (how = {}) => createWorker(engine, { isAlive: options.isAlive ?? isOwnerAlive, ...how }),
    packQueue: (runId, signal = new AbortController().signal) => packRun(engine, runId, signal),
    retry: (runId, states = ['failed']) => retry(engine, runId, states),
    cancel: async (runId) => {
      const before = await store.getRun(runId);
      if (before?.state === 'ended') return before;
      const run = await store.updateRun(runId, { state: 'cancelling' }, clock.now());
      return unfinishedOf(run.counts) === 0 ? store.updateRun(runId, { state: 'ended' }, clock.now()) : run;
    },
    adopt: (provider, remoteId, signal = new AbortController().signal) => adopt(engine, provider, remoteId, signal),
    listOrphans: (provider, signal) => listOrphans(engine, provider, signal),
    deliver: (runId, sink, how) => deliver(store, runId, sink, how),
    close: async () => {
      await store.close();
      for (const provider of options.providers) await provider.close?.();
    },
  };
}

function begin(engine: Engine, input: SubmitInput): Promise<{ run: Run; attached: boolean }> {
  const now = engine.clock.now();
  const { source, recipe, provider, model, fresh = false } = input;
  const mode = input.mode ?? 'auto';
  if (mode === 'batch' && !provider.batch) {
    throw new OffpeakError(`${provider.name} has no batch API; use --mode realtime, or auto.`, { code: 'usage' });
  }
  if (input.budgetNanoUsd !== undefined && !engine.priceOf(provider.name, model)) {
    throw new OffpeakError(
      `The price of ${provider.name}:${model} is not known, so no budget can be kept. Give it under \`prices\` in the configuration, or leave the budget out.`,
      { code: 'usage' },
    );
  }
  return engine.store.createRun(
    {
      id: newRunId(now, engine.random),
      fingerprint: fingerprintOf([source.description, recipe.description, provider.account, model, mode]),
      mode,
      provider: provider.name,
      model,
      priority: input.priority ?? 5,
      maxAttempts: input.maxAttempts ?? 3,
      concurrency: input.concurrency ?? 5,
      timeoutMs: input.timeoutMs ?? 30_000,
      simulated: provider.simulated,
      primeCache: input.primeCache ?? false,
      recipe: recipe.description,
      fresh,
      source: source.description,
      ...(input.output === undefined ? {} : { output: input.output }),
      ...(input.deadlineAt === undefined ? {} : { deadlineAt: input.deadlineAt }),
      ...(input.budgetNanoUsd === undefined ? {} : { budgetNanoUsd: input.budgetNanoUsd }),
      ...(input.name === undefined ? {} : { name: input.name }),
      ...(input.note === undefined ? {} : { note: input.note }),
    },
    now,
  );
}

async function fill(engine: Engine, options: OffpeakOptions, run: Run, how: FillOptions): Promise<AddedJobs> {
  const provider = options.providers.find(
    (candidate) => candidate.name === run.provider && candidate.simulated === run.simulated,
  );
  if (!provider) {
    throw new OffpeakError(`Run ${run.id} needs the provider ${run.provider}, which is not configured.`, {
      code: 'config',
    });
  }
  // Open while items are read, so that no worker ends the run in between.
  if (run.state !== 'open') await engine.store.updateRun(run.id, { state: 'open' }, engine.clock.now());
  const filling = enqueue(engine, {
    run,
    source: (options.createSource ?? createSource)(run.source),
    recipe: engine.createRecipe(run.recipe),
    provider,
    options: {
      reuse: !run.fresh,
      reopen: how.reopen ?? false,
    },
    ...(how.signal ? { signal: how.signal } : {}),
    ...(how.onChunk ? { onChunk: how.onChunk } : {}),
  });
  if (!how.mayBeGone) return filling;
  return filling.catch(async (error) => {
    if (!isOffpeakError(error, 'not_found')) throw error;
    engine.emit({ type: 'note', message: `${error.message}; going on with what was read before` });
    await seal(engine, run);
    return noJobsAdded();
  });
}

async function retry(engine: Engine, runId: string, states: readonly ('failed' | 'cancelled')[]): Promise<number> {
  const run = await engine.store.getRun(runId);
  if (!run || states.every((state) => run.counts[state] === 0)) return 0;
  let requeued = 0;
  for (;;) {
    const chunk = await engine.store.requeueJobs(runId, states);
    if (chunk === 0) return requeued;
    requeued += chunk;
    await nextTurn();
  }
}

/** Same words in, same fingerprint out, whatever the order of keys. */
function fingerprintOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(canonicalJson(parts)).digest('hex').slice(0, 32);
}
