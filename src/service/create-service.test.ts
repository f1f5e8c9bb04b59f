import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createOffpeak } from '../offpeak.ts';
import { createOpenAIProvider } from '../providers/openai/openai-provider.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import { createService } from './create-service.ts';
import { openStore, storeFolder } from './queue-fixtures.ts';

vi.setConfig({ testTimeout: 30_000 });

const limits = { pollMinMs: 10, pollMaxMs: 50, absentListings: 2, absentGraceMs: 100 };

async function createWorld() {
  const folder = storeFolder();
  const sandbox = await startSandbox({ stateDir: join(folder, 'sandbox') });
  onTestFinished(() => sandbox.close());
  const logs: { level: string; message: string }[] = [];
  let owners = 0;
  /** `serve`: a service and a worker. */
  const serve = () => {
    owners += 1;
    const store = openStore(folder);
    const providers = [createOpenAIProvider({ baseUrl: `${sandbox.url}/v1`, apiKey: 'sk-test-0123456789', limits })];
    const offpeak = createOffpeak({ store, providers, owner: `serve-${owners}`, isAlive: () => true });
    const worker = offpeak.worker();
    const service = createService({
      offpeak,
      store,
      serviceStore: store.service,
      views: store.views,
      providers,
      owner: `serve-${owners}`,
      version: '0.0.0',
      log: (level, message) => logs.push({ level, message }),
      onWork: worker.wake,
      allowPrivateCallbacks: true,
    });
    const stop = new AbortController();
    const working = worker.run(stop.signal);
    service.start();
    const close = async () => {
      stop.abort();
      await Promise.all([service.close(), working]);
      await store.close();
    };
    onTestFinished(close);
    return { service, store, close };
  };
  return { sandbox, serve, logs };
}

/** Takes webhooks; which job each is about. */
async function createReceiver() {
  const received: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push(body);
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return { url: `http://127.0.0.1:${address.port}/hook`, received };
}

test('what two processes take in is sent by count, answered, and told of once each', async () => {
  const { sandbox, serve, logs } = await createWorld();
  const receiver = await createReceiver();
  const [a, b] = [serve(), serve()];
  await a.service.queues.changeSettings(() => ({
    triggers: { schedule: true, count: 20, age_minutes: null, full: true },
  }));
  // The other process is told within two seconds.
  await vi.waitFor(async () => expect((await b.service.queues.settings()).triggers.count).toBe(20), { timeout: 5_000 });
  const ids: string[] = [];
  for (let at = 0; at < 20; at += 1) {
    const { service } = at % 2 === 0 ? a : b;
    const [outcome] = await service.queues.queue([
      {
        jobType: 'hook_generation',
        provider: 'openai',
        data: { product: `Shoe ${at}` },
        priority: 5,
        callbackUrl: receiver.url,
      },
    ]);
    if (outcome?.type === 'queued') ids.push(outcome.jobId);
  }
  expect(new Set(ids).size).toBe(20);
  await vi.waitFor(() => expect(receiver.received).toHaveLength(20), { timeout: 20_000, interval: 50 });
  for (const id of ids) expect(receiver.received.filter((body) => body.includes(`"${id}"`))).toHaveLength(1);
  expect((await a.service.queues.status()).total_queued).toBe(0);
  expect(sandbox.ledger().rowsCharged).toBe(20);
  expect(sandbox.ledger().bodiesChargedMoreThanOnce).toBe(0);
  expect(logs.filter(({ level }) => level === 'error')).toEqual([]);
});

test('ends at once, with nothing claimed any more, and another process goes on', async () => {
  const { serve } = await createWorld();
  const first = serve();
  await vi.waitFor(async () => {
    const now = Date.now();
    expect(await first.store.service.claimDuty('alerts', 'somebody', now, now + 1)).toBe(false);
  });
  const start = performance.now();
  await first.close();
  expect(performance.now() - start).toBeLessThan(3_000);
  const second = serve();
  const now = Date.now();
  await vi.waitFor(async () =>
    expect(await second.store.service.claimDuty('alerts', 'somebody', now, now + 1)).toBe(false),
  );
});

test('callbacks into a private network are refused, unless they are allowed', async () => {
  const folder = storeFolder();
  const store = openStore(folder);
  const providers = [createOpenAIProvider({ baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'sk-test' })];
  const service = createService({
    offpeak: createOffpeak({ store, providers }),
    store,
    serviceStore: store.service,
    views: store.views,
    providers,
    owner: 'test',
    version: '0.0.0',
    log: () => {},
  });
  const input = { jobType: 'hook_generation', provider: 'openai', data: { product: 'Shoe' }, priority: 5 };
  expect(await service.queues.queue([{ ...input, callbackUrl: 'http://10.0.0.1/' }])).toMatchObject([
    { type: 'refused', field: 'callback_url' },
  ]);
  expect(await service.queues.queue([{ ...input, callbackUrl: 'https://example.com/' }])).toMatchObject([
    { type: 'queued' },
  ]);
  await service.close();
});
