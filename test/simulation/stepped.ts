import type { BatchApi, CreateInput, Provider, ResultLine, UploadInput } from '../../src/provider.ts';
import type { Store } from '../../src/store.ts';
import type { Actor, Schedule } from './schedule.ts';

/** The store as one actor has it: each call is a step, and whoever dies has dropped its connection without a word. */
export function steppedStore(schedule: Schedule, actor: Actor, store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...given: unknown[]) =>
        schedule.step(actor, String(name), async () => (method as (...all: unknown[]) => unknown)(...given));
    },
  });
}

/** The same for a provider. `before` and `after` are the world's: they keep the provider's own work in step. */
export interface World {
  before(): Promise<void>;
  after(): Promise<void>;
}

export function steppedProvider(schedule: Schedule, actor: Actor, provider: Provider, world: World): Provider {
  const step = <T>(label: string, work: () => Promise<T>): Promise<T> =>
    schedule.step(actor, `${provider.name} ${label}`, async () => {
      await world.before();
      try {
        return await work();
      } finally {
        await world.after();
      }
    });
  const { batch } = provider;
  return {
    ...provider,
    call: (wire, how) => step('call', () => provider.call(wire, how)),
    check: (signal) => step('check', () => provider.check(signal)),
    ...(batch ? { batch: steppedBatch(step, batch) } : {}),
  };
}

function steppedBatch(step: <T>(label: string, work: () => Promise<T>) => Promise<T>, batch: BatchApi): BatchApi {
  const { upload } = batch;
  return {
    ...batch,
    ...(upload ? { upload: async (input) => withRequests(input, (full) => step('upload', () => upload(full))) } : {}),
    create: async (input) => withRequests(input, (full) => step('create', () => batch.create(full))),
    get: (remoteId, signal) => step('get', () => batch.get(remoteId, signal)),
    cancel: (remoteId, signal) => step('cancel', () => batch.cancel(remoteId, signal)),
    list: (signal) => replay(() => step('list', () => record(batch.list(signal)))),
    results: (remote, signal) => replay<ResultLine>(() => step('results', () => record(batch.results(remote, signal)))),
  };
}

/** Requests are read from the store, which are steps of their own, before the one that sends them. */
async function withRequests<I extends UploadInput | CreateInput, T>(
  input: I,
  send: (full: I) => Promise<T>,
): Promise<T> {
  const requests: { customId: string; body: string }[] = [];
  for await (const request of input.requests()) requests.push(request);
  return send({
    ...input,
    requests: async function* () {
      yield* requests;
    },
  });
}

interface Recorded<T> {
  items: T[];
  /** What it broke off with, after those. */
  error?: { cause: unknown };
}

async function record<T>(items: AsyncIterable<T>): Promise<Recorded<T>> {
  const recorded: Recorded<T> = { items: [] };
  try {
    for await (const item of items) recorded.items.push(item);
  } catch (cause) {
    recorded.error = { cause };
  }
  return recorded;
}

async function* replay<T>(take: () => Promise<Recorded<T>>): AsyncGenerator<T> {
  const { items, error } = await take();
  yield* items;
  if (error) throw error.cause;
}
