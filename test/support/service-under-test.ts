import { join } from 'node:path';
import { createOffpeak } from '../../src/offpeak.ts';
import { createServer, type OffpeakServer, type ServerOptions } from '../../src/server/server.ts';
import { newToken } from '../../src/server/tokens.ts';
import { createService } from '../../src/service/create-service.ts';
import type { Service } from '../../src/service/service.ts';
import type { TokenRole } from '../../src/service-store.ts';
import { createSqliteStore, type SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { providerNames, providerUnderTest } from './providers-under-test.ts';
import type { Undo } from './temporary.ts';

export interface ServiceUnderTestOptions {
  /** Where the store stands; two of one home share it. */
  home: string;
  /** Of the sandbox. */
  sandboxUrl: string;
  owner?: string;
  /** Default true: batches are sent, followed and collected. */
  works?: boolean;
  server?: Partial<ServerOptions>;
}

/** `offpeak serve` in this process: a store, three providers, a worker, a service, and HTTP. */
export interface ServiceUnderTest {
  url: string;
  server: OffpeakServer;
  service: Service;
  store: SqliteStore;
  /** What went wrong inside, which nobody was told over HTTP. */
  errors: string[];
  /** A new token's secret. */
  token(role: TokenRole): Promise<string>;
  close(): Promise<void>;
}

const limits = { pollMinMs: 10, pollMaxMs: 50, absentListings: 2, absentGraceMs: 100 };

export async function startService(undo: Undo, options: ServiceUnderTestOptions): Promise<ServiceUnderTest> {
  const owner = options.owner ?? 'serve-1';
  const store = createSqliteStore({ path: join(options.home, 'offpeak.db'), owner, isAlive: () => true });
  const providers = providerNames.map((name) => providerUnderTest(name).create({ url: options.sandboxUrl, limits }));
  const offpeak = createOffpeak({ store, providers, owner, isAlive: () => true, onEvent: () => server.notify() });
  const worker = offpeak.worker();
  const errors: string[] = [];
  const service = createService({
    offpeak,
    store,
    serviceStore: store.service,
    views: store.views,
    providers,
    owner,
    version: '0.0.0',
    log: (level, message) => {
      if (level === 'error') errors.push(message);
    },
    onWork: worker.wake,
    allowPrivateCallbacks: true,
  });
  const server = createServer({ service, tokens: store.service, version: '0.0.0', ...options.server });
  const { url } = await server.listen();
  const stop = new AbortController();
  const working = options.works === false ? Promise.resolve() : worker.run(stop.signal);
  service.start();
  let closing: Promise<void> | undefined;
  const close = async () => {
    await server.close();
    stop.abort();
    await Promise.all([service.close(), working]);
    await store.close();
  };
  undo(() => (closing ??= close()));
  return {
    url,
    server,
    service,
    store,
    errors,
    close: () => (closing ??= close()),
    async token(role) {
      const { token, secret, hash } = newToken({ name: role, role, now: Date.now() });
      await store.service.addToken(token, hash);
      return secret;
    },
  };
}
