import { existsSync } from 'node:fs';
import type { EngineEvent } from '../engine/engine.ts';
import { OffpeakError } from '../errors.ts';
import type { Offpeak } from '../offpeak.ts';
import type { Provider } from '../provider.ts';
import type { Run } from '../run.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Store } from '../store.ts';
import { processOwner } from '../stores/process-owner.ts';
import { type Config, loadConfig } from './config.ts';
import { crashpoint } from './crashpoint.ts';
import { homeDirectory, sandboxPath, storePath } from './settings.ts';

export interface GlobalFlags {
  home?: string;
  sandbox?: boolean;
}

/** What a command works with; opened as late and as little as it needs. */
export interface Context {
  config: Config;
  store(): Promise<Store>;
  /** All providers of this call: the real ones, or the sandbox's. */
  providers(simulated: boolean): Promise<Provider[]>;
  offpeak(simulated: boolean, onEvent?: (event: EngineEvent) => void): Promise<Offpeak>;
  /** A command to be typed as it stands: with `--home` where this one was given it. */
  command(words: string): string;
  /** The run of an id, of a unique beginning of one, or `latest`; without one, the latest unfinished where preferred. */
  findRun(id: string | undefined, prefer?: 'unfinished'): Promise<Run>;
  close(): Promise<void>;
}

export async function openContext(flags: GlobalFlags, env: NodeJS.ProcessEnv = process.env): Promise<Context> {
  const home = homeDirectory(flags.home, env);
  const config = await loadConfig(home, env);
  let store: Store | undefined;
  let sandbox: Sandbox | undefined;
  const owner = processOwner();
  const opened: (() => Promise<void>)[] = [];

  const openStore = async () => {
    if (store) return store;
    const { createSqliteStore } = await import('../stores/sqlite/sqlite-store.ts');
    store = createSqliteStore({ path: storePath(home), owner });
    opened.push(store.close);
    return store;
  };
  const openSandbox = async () => {
    if (sandbox) return sandbox;
    const { startSandbox } = await import('../sandbox/sandbox.ts');
    sandbox = await startSandbox({ stateDir: sandboxPath(home) });
    opened.push(sandbox.close);
    return sandbox;
  };
  const providers = async (simulated: boolean) =>
    simulated ? sandboxProviders((await openSandbox()).url) : realProviders(config);

  return {
    config,
    command: (words) => `offpeak ${words}${flags.home === undefined ? '' : ` --home ${quoted(flags.home)}`}`,
    store: openStore,
    providers,
    offpeak: async (simulated, onEvent) => {
      const { createOffpeak } = await import('../offpeak.ts');
      return createOffpeak({
        store: await openStore(),
        providers: await providers(simulated),
        owner,
        maxUnavailable: 5,
        crashpoint: crashpoint(env),
        ...(simulated ? { retry: { baseMs: 50, maxMs: 1_000 }, sequentialPauseMs: 20 } : {}),
        ...(onEvent ? { onEvent } : {}),
      });
    },
    findRun: async (id, prefer) => findRun(await existingStore(home, openStore), id, prefer),
    close: async () => {
      for (const close of opened.reverse()) await close();
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

/** Keys that are sent to a sandbox of this process and to nobody else. */
const sandboxKey = 'sk-sandbox-simulated';

async function sandboxProviders(url: string): Promise<Provider[]> {
  const { createOpenAIProvider } = await import('../providers/openai/openai-provider.ts');
  const { createOllamaProvider } = await import('../providers/ollama/ollama-provider.ts');
  const common = { simulated: true, scope: 'sandbox' };
  // The sandbox answers at once, lists at once and charges nothing: no reason to wait between questions.
  const limits = { pollMinMs: 20, pollMaxMs: 500, absentListings: 2, absentGraceMs: 200 };
  return [
    createOpenAIProvider({ ...common, baseUrl: `${url}/v1`, apiKey: sandboxKey, limits }),
    createOllamaProvider({ ...common, host: url }),
  ];
}

async function realProviders(config: Config): Promise<Provider[]> {
  const { createOpenAIProvider } = await import('../providers/openai/openai-provider.ts');
  const { createOllamaProvider } = await import('../providers/ollama/ollama-provider.ts');
  const endpoint = config.text('providers.openai.endpoint');
  if (endpoint !== 'chat' && endpoint !== 'responses') {
    throw new OffpeakError('providers.openai.endpoint must be chat or responses.', { code: 'config' });
  }
  const optional = {
    ...property('apiKey', config.text('providers.openai.api_key')),
    ...property('baseUrl', config.text('providers.openai.base_url')),
    ...property('organization', config.text('providers.openai.organization')),
    ...property('project', config.text('providers.openai.project')),
  };
  return [
    createOpenAIProvider({
      ...optional,
      batchApi: config.flag('providers.openai.batch'),
      chatEndpoint: endpoint,
      limits: { pollMinMs: config.number('providers.openai.poll_interval') * 1000 },
    }),
    createOllamaProvider({ ...property('host', config.text('providers.ollama.endpoint')) }),
  ];
}

function property<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}
