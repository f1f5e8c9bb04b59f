import { enableCompileCache } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { type PackedJobs, unpackJobs } from './packed-jobs.ts';
import type { SqliteStore } from './sqlite-store.ts';
import { type Answer, type Call, type PortName, plainError, type ThreadOptions } from './thread-messages.ts';

/** The thread of `openSqliteStore`: opens the store, and answers calls in the order in which they come. */

type Method = (...args: readonly unknown[]) => Promise<unknown>;

const port = parentPort;
const say = (answer: Answer) => port?.postMessage(answer);

const { compileCache, ...options } = workerData as ThreadOptions;
if (compileCache) enableCompileCache();

try {
  const { createSqliteStore } = await import('./sqlite-store.ts');
  serve(createSqliteStore(options));
} catch (error) {
  say({ type: 'not_opened', error: plainError(error) });
}

function serve(store: SqliteStore): void {
  const ports: Record<PortName, Map<string, Method>> = {
    store: methodsOf(store),
    service: methodsOf(store.service),
    views: methodsOf(store.views),
    settings: methodsOf({ swap: swapSettings(store) }),
    packed: methodsOf({ enqueue: (jobs: PackedJobs, now: number) => store.service.enqueue(unpackJobs(jobs), now) }),
  };
  const answer = async ({ id, port: name, method, args }: Call): Promise<Answer> => {
    try {
      return { type: 'value', id, value: await ports[name].get(method)?.(...args) };
    } catch (error) {
      return { type: 'error', id, error: plainError(error) };
    }
  };
  port?.on('message', async (call: Call) => {
    say(await answer(call));
    if (call.port === 'store' && call.method === 'close') port.close();
  });
  const methods = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, [...port.keys()]]));
  say({ type: 'opened', methods: methods as Record<PortName, string[]> });
}

function methodsOf(port: object): Map<string, Method> {
  return new Map(Object.entries(port).filter((entry): entry is [string, Method] => typeof entry[1] === 'function'));
}

/** A decision cannot come here: what was decided is set if it was decided on what is set now. Undefined: it was not. */
function swapSettings({ service }: SqliteStore) {
  return async (seen: ReadonlyMap<string, unknown>, values: ReadonlyMap<string, unknown>, now: number) => {
    let isSame = false;
    const settings = await service.changeSettings((current) => {
      isSame = isDeepStrictEqual(current, seen);
      return isSame ? values : new Map();
    }, now);
    return isSame ? settings : undefined;
  };
}
