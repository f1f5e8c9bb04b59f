import { join } from 'node:path';
import type { Clock } from '../../src/clock.ts';
import type { EngineEvent, RetryOptions } from '../../src/engine/engine.ts';
import { createOffpeak, type Offpeak, type SubmitInput } from '../../src/offpeak.ts';
import type { BatchLimits, Provider } from '../../src/provider.ts';
import { createOllamaProvider } from '../../src/providers/ollama/ollama-provider.ts';
import { createRecipe } from '../../src/recipes/recipes.ts';
import type { Run } from '../../src/run.ts';
import type { Source } from '../../src/source.ts';
import { createSource } from '../../src/sources/sources.ts';
import type { Store } from '../../src/store.ts';
import type { AddedJobs } from '../../src/store-rows.ts';
import { isOwnerAlive, processOwner } from '../../src/stores/process-owner.ts';
import { createSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { type ProviderName, providerUnderTest } from './providers-under-test.ts';
import type { Undo } from './temporary.ts';

export interface EngineOptions {
  home: string;
  /** The sandbox process's address. */
  url: string;
  /** Default `openai`. */
  api?: ProviderName;
  key?: string;
  limits?: Partial<BatchLimits>;
  /** How long the provider's answer may take. */
  replyMs?: number;
  retry?: RetryOptions;
  clock?: Clock;
  maxUnavailable?: number;
  crashpoint?: (name: string) => void;
  /** Replaces the source of every run. */
  source?: Source;
}

/** The engine with a real store and real connections, and waits that fit a test. */
export interface EngineUnderTest {
  offpeak: Offpeak;
  store: Store;
  provider: Provider;
  ollama: Provider;
  notes: string[];
  events: EngineEvent[];
  begin(directory: string, more?: Partial<SubmitInput> & Questions): Promise<Run>;
  /** Reads the source and works until the run has ended. */
  finish(run: Run, options?: { signal?: AbortSignal; reopen?: boolean }): Promise<Run>;
  close(): Promise<void>;
}

interface Questions {
  prompt?: string;
  pattern?: string[];
  schema?: Record<string, unknown>;
}

/** Short waits: what takes minutes at a real provider takes milliseconds here. */
const shortLimits: Partial<BatchLimits> = { pollMinMs: 10, pollMaxMs: 50, absentListings: 3, absentGraceMs: 150 };

export function openEngine(undo: Undo, options: EngineOptions): EngineUnderTest {
  const owner = processOwner();
  const store = createSqliteStore({ path: join(options.home, 'offpeak.db'), owner, isAlive: isOwnerAlive });
  const api = providerUnderTest(options.api ?? 'openai');
  const provider = api.create({
    url: options.url,
    key: options.key,
    limits: { ...shortLimits, ...options.limits },
    replyMs: options.replyMs,
  });
  const ollama = createOllamaProvider({ host: options.url });
  const notes: string[] = [];
  const events: EngineEvent[] = [];
  const offpeak = createOffpeak({
    store,
    providers: [provider, ollama],
    createRecipe,
    createSource: options.source ? () => options.source as Source : createSource,
    owner,
    isAlive: isOwnerAlive,
    retry: options.retry ?? { baseMs: 10, maxMs: 50 },
    sequentialPauseMs: 5,
    maxUnavailable: options.maxUnavailable ?? 8,
    onEvent: (event) => {
      events.push(event);
      if (event.type === 'note') notes.push(event.message);
    },
    ...(options.clock ? { clock: options.clock, leaseMs: 3_600_000 } : {}),
    ...(options.crashpoint ? { crashpoint: options.crashpoint } : {}),
  });
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= offpeak.close());
  undo(close);
  return {
    offpeak,
    store,
    provider,
    ollama,
    notes,
    events,
    close,
    begin: async (directory, more = {}) => {
      const { prompt = 'Summarize this document', pattern = ['*'], schema, ...rest } = more;
      const model = rest.model ?? api.model;
      const { run } = await offpeak.begin({
        source: options.source ?? createSource({ type: 'files', directory, pattern }),
        recipe: createRecipe({ type: 'prompt', version: 1, model, prompt, ...(schema ? { schema } : {}) }),
        provider,
        ...rest,
        model,
      });
      return run;
    },
    finish: (run, how = {}) => finish(offpeak, run, how),
  };
}

async function finish(offpeak: Offpeak, run: Run, how: { signal?: AbortSignal; reopen?: boolean }): Promise<Run> {
  const stop = new AbortController();
  const signal = how.signal ? AbortSignal.any([how.signal, stop.signal]) : stop.signal;
  const worker = offpeak.worker({ runId: run.id });
  const fill = async (): Promise<AddedJobs> => {
    const added = await offpeak.fill(run, { reopen: how.reopen ?? false, signal, onChunk: () => worker.wake() });
    worker.wake();
    return added;
  };
  const stopOn = (error: unknown) => {
    stop.abort();
    throw error;
  };
  const sides = await Promise.allSettled([fill().catch(stopOn), worker.run(signal).catch(stopOn)]);
  for (const side of sides) if (side.status === 'rejected') throw side.reason;
  return (await offpeak.store.getRun(run.id)) ?? run;
}

/** The results of a run by key. */
export async function resultsOf(store: Store, runId: string) {
  const rows = await store.readResults(runId, { limit: 1000 });
  return new Map(rows.map((row) => [row.key, row]));
}
