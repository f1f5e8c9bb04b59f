import { existsSync } from 'node:fs';
import type { EngineEvent } from '../engine/engine.ts';
import { OffpeakError } from '../errors.ts';
import type { Offpeak, OffpeakOptions } from '../offpeak.ts';
import type { PriceList } from '../price-list.ts';
import type { Provider } from '../provider.ts';
import type { Run } from '../run.ts';
import type { Store } from '../store.ts';
import { processOwner } from '../stores/process-owner.ts';
import type { ThreadedSqliteStore } from '../stores/sqlite/open-sqlite-store.ts';
import type { SqliteStore } from '../stores/sqlite/sqlite-store.ts';
import { type Config, loadConfig } from './config.ts';
import { crashpoint } from './crashpoint.ts';
import { isReady, realProviders, sandboxProviders } from './create-providers.ts';
import { homeDirectory, sandboxPath, storePath } from './settings.ts';

export interface GlobalFlags {
  home?: string;
  sandbox?: boolean;
}

/** What a command works with; opened as late and as little as it needs. */
export interface Context {
  config: Config;
  /** For a look: the one that works, or else one that is opened at once, in this thread. */
  store(): Promise<SqliteStore>;
  /** For work, which must not wait for the disk: in a thread of its own, started in a fifth of a second. */
  workingStore(): Promise<ThreadedSqliteStore>;
  /** All providers of this call: the real ones, or the sandbox's. */
  providers(simulated: boolean): Promise<Provider[]>;
  /** Those that a service can use: with a key, or at an address of their own. */
  readyProviders(simulated: boolean): Promise<Provider[]>;
  /** List prices, with those of the configuration above them. */
  prices(): Promise<PriceList>;
  /** For a command that somebody waits for: gives up when nobody at the provider can be found. */
  offpeak(simulated: boolean, onEvent?: (event: EngineEvent) => void): Promise<Offpeak>;
  /** For a service, with those of its providers: waits an outage out, however long, while the others go on. */
  serviceOffpeak(
    simulated: boolean,
    onEvent: (event: EngineEvent) => void,
    providers: readonly Provider[],
  ): Promise<Offpeak>;
  /** A command to be typed as it stands: with `--home` where this one was given it. */
  command(words: string): string;
  /** The run of an id, of a unique beginning of one, or `latest`, which none means too; or the latest unfinished, where preferred. */
  findRun(id: string | undefined): Promise<Run>;
  /** The same in the store that works: after a crash each opening checks the file. */
  findRunToWorkOn(id: string | undefined, prefer?: 'unfinished'): Promise<Run>;
  close(): Promise<void>;
}

const noFault = () => {};

/** In what those that are opened here differ. */
type ProviderOptions = Pick<OffpeakOptions, 'providers' | 'maxUnavailable' | 'onEvent'>;

export async function openContext(flags: GlobalFlags, env: NodeJS.ProcessEnv = process.env): Promise<Context> {
  const home = homeDirectory(flags.home, env);
  const config = await loadConfig(home, env);
  const owner = processOwner();
  const opened: (() => Promise<void>)[] = [];

  const once = <T extends { close(): Promise<void> }>(open: () => Promise<T>) => {
    let made: Promise<T> | undefined;
    const make = () => {
      const opening = open();
      // One that is still being opened is closed too.
      opened.push(() => opening.then((one) => one.close(), noFault));
      return opening;
    };
    return { isMade: () => made !== undefined, get: () => (made ??= make()) };
  };
  const store = once(async () => {
    const { createSqliteStore } = await import('../stores/sqlite/sqlite-store.ts');
    return createSqliteStore({ path: storePath(home), owner });
  });
  const workingStore = once(async () => {
    const { openSqliteStore } = await import('../stores/sqlite/open-sqlite-store.ts');
    return openSqliteStore({ path: storePath(home), owner });
  });
  const sandbox = once(async () => {
    const { startSandbox } = await import('../sandbox/sandbox.ts');
    return startSandbox({ stateDir: sandboxPath(home) });
  });
  const look = () => (workingStore.isMade() ? workingStore.get() : store.get());
  const prices = async () => (await import('../price-list.ts')).createPriceList({ overrides: config.prices });
  const providers = async (simulated: boolean) =>
    simulated ? sandboxProviders((await sandbox.get()).url) : realProviders(config);
  const openOffpeak = async (simulated: boolean, more: ProviderOptions) => {
    const loading = [workingStore.get(), prices(), import('../offpeak.ts')] as const;
    const [store, { priceOf }, { createOffpeak }] = await Promise.all(loading);
    return createOffpeak({
      store,
      priceOf,
      owner,
      crashpoint: crashpoint(env),
      ...(simulated ? { retry: { baseMs: 50, maxMs: 1_000 }, sequentialPauseMs: 20 } : {}),
      ...more,
    });
  };

  return {
    config,
    command: (words) => `offpeak ${words}${flags.home === undefined ? '' : ` --home ${quoted(flags.home)}`}`,
    store: look,
    workingStore: workingStore.get,
    providers,
    readyProviders: async (simulated) => {
      const all = await providers(simulated);
      return simulated ? all : all.filter(({ name }) => isReady(config, name));
    },
    prices,
    offpeak: async (simulated, onEvent) =>
      openOffpeak(simulated, {
        providers: await providers(simulated),
        maxUnavailable: 5,
        ...(onEvent ? { onEvent } : {}),
      }),
    serviceOffpeak: (simulated, onEvent, chosen) => openOffpeak(simulated, { providers: chosen, onEvent }),
    findRun: async (id) => findRun(await existingStore(home, look), id),
    findRunToWorkOn: async (id, prefer) => findRun(await existingStore(home, workingStore.get), id, prefer),
    close: async () => {
      const faults: unknown[] = [];
      // All of them, whatever goes wrong with one.
      for (const close of opened.reverse()) await close().catch((error) => faults.push(error));
      if (faults.length > 0) throw faults[0];
    },
  };
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** Looking at nothing should not make a store. */
async function existingStore(home: string, open: () => Promise<Store>): Promise<Store> {
  if (existsSync(storePath(home))) return open();
  throw new OffpeakError(`There are no runs yet in ${home}. Start one with \`offpeak run\`.`, { code: 'not_found' });
}

async function findRun(store: Store, id: string | undefined, prefer?: 'unfinished'): Promise<Run> {
  if (id === undefined || id === 'latest') {
    const [unfinished] = prefer ? await store.listRuns({ unfinished: true, limit: 1 }) : [];
    if (unfinished) return unfinished;
    const [latest] = await store.listRuns({ limit: 1 });
    if (latest) return latest;
    throw new OffpeakError('There are no runs yet. Start one with `offpeak run`.', { code: 'not_found' });
  }
  const exact = await store.getRun(id);
  if (exact) return exact;
  const candidates = await store.listRuns({ idPrefix: id, limit: 2 });
  if (candidates.length === 0) {
    throw new OffpeakError(`There is no run ${id}. \`offpeak runs\` lists them all.`, { code: 'not_found' });
  }
  const [only, other] = candidates;
  if (only && !other) return only;
  throw new OffpeakError(`More than one run begins with ${id}; give more of its id.`, { code: 'usage' });
}
