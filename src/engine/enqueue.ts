import { isOffpeakError } from '../errors.ts';
import { boundNanoUsd, type Price } from '../prices.ts';
import type { Provider } from '../provider.ts';
import type { Recipe } from '../recipe.ts';
import type { RequestSize } from '../request.ts';
import type { Run } from '../run.ts';
import type { Item, Source } from '../source.ts';
import type { AddedJobs, AddOptions, LaneMode, NewJob } from '../store-rows.ts';
import { chunkRows } from '../store-rows.ts';
import type { Engine } from './engine.ts';
import { oneAhead } from './one-ahead.ts';

/** Bytes of request bodies after which a chunk is written, so that images do not pile up in memory. */
const chunkBytes = 1024 * 1024;

export interface EnqueueInput {
  run: Run;
  source: Source;
  recipe: Recipe;
  provider: Provider;
  options: Pick<AddOptions, 'reuse' | 'reopen'>;
  signal?: AbortSignal;
  /** After each chunk is durable. */
  onChunk?: (total: AddedJobs) => void;
}

/**
 * source -> recipe -> job queued. Reads the source to its end and seals the run. May be interrupted and run again:
 * what is in the store already stays as it is.
 */
export async function enqueue(engine: Engine, input: EnqueueInput): Promise<AddedJobs> {
  const { run, source, signal } = input;
  const total = noJobsAdded();
  const adding = oneAhead();
  let chunk: NewJob[] = [];
  let bytes = 0;
  /** Begins to write what was read; no more than two chunks are in memory. */
  const flush = async () => {
    const jobs = chunk;
    chunk = [];
    bytes = 0;
    await adding.begin(async () => {
      engine.crashpoint('C1');
      addUp(total, await engine.store.addJobs(run.id, jobs, { ...input.options, now: engine.clock.now() }));
      engine.crashpoint('C2');
      input.onChunk?.(total);
    });
  };
  try {
    for await (const item of source.items(signal)) {
      adding.check();
      if (signal?.aborted || total.closed) break;
      const job = toJob(engine, input, item);
      chunk.push(job);
      bytes += job.request?.body.length ?? 0;
      if (chunk.length >= chunkRows || bytes >= chunkBytes) await flush();
    }
    if (chunk.length > 0) await flush();
    await adding.done();
  } catch (error) {
    // Whatever has ended the reading: nothing is written after us, and what could not be written weighs more.
    await adding.done();
    throw error;
  }
  if (!signal?.aborted) await seal(engine, run);
  return total;
}

export function noJobsAdded(): AddedJobs {
  return { added: 0, skipped: 0, reused: 0, reopened: 0, known: 0, changed: [], closed: false };
}

/** Nothing more will be added: the run may end. */
export async function seal(engine: Engine, run: Run): Promise<void> {
  const current = await engine.store.getRun(run.id);
  if (current?.state === 'open') await engine.store.updateRun(run.id, { state: 'running' }, engine.clock.now());
}

function toJob(engine: Engine, { recipe, provider, run }: EnqueueInput, item: Item): NewJob {
  // Half a character does not survive a database.
  const key = item.key.toWellFormed();
  const { position } = item;
  if (item.content.type === 'skip') {
    return { key, position, skip: { code: item.content.code, message: item.content.message } };
  }
  try {
    const request = recipe.toRequest(item);
    const { endpoint, body, size, realtimeOnly } = provider.toWire(request);
    if (run.budgetNanoUsd !== undefined && !isBounded(engine.priceOf(provider.name, request.model), size)) {
      const message = 'a budget needs a limit on the answer: give --max-tokens, or set it in the request';
      return { key, position, skip: { code: 'unsupported', message } };
    }
    const mode: LaneMode = run.mode !== 'realtime' && provider.batch && !realtimeOnly ? 'batch' : 'realtime';
    const lane = { provider: provider.name, account: provider.account, model: request.model, endpoint, mode };
    return { key, position, request: { lane, body, size } };
  } catch (error) {
    // What this provider cannot be asked (a BMP at OpenAI) is the item's end, not the run's.
    if (isOffpeakError(error, 'usage')) return { key, position, skip: { code: 'unsupported', message: error.message } };
    throw error;
  }
}

function isBounded(price: Price | undefined, size: RequestSize): boolean {
  return price !== undefined && boundNanoUsd(price, size, true) !== undefined;
}

function addUp(total: AddedJobs, more: AddedJobs): void {
  total.added += more.added;
  total.skipped += more.skipped;
  total.reused += more.reused;
  total.reopened += more.reopened;
  total.known += more.known;
  total.closed = more.closed;
  // Names for a message, not a list of everything.
  if (total.changed.length < 100) total.changed.push(...more.changed);
}
