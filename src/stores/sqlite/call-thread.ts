import { getCompileCacheDir } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { OffpeakError } from '../../errors.ts';
import { type Answer, type Call, fromPlain, type PortName, type ThreadOptions } from './thread-messages.ts';

/** Calls into the thread of a store. Once that has ended, for whatever reason, each call is refused: `store_closed`. */
export interface Thread {
  /** The names of the calls of each port; rejects when the store cannot be opened. */
  opened: Promise<Readonly<Record<PortName, readonly string[]>>>;
  call(port: PortName, method: string, args: readonly unknown[]): Promise<unknown>;
  /** Closes the store and resolves when the thread has ended. */
  close(): Promise<void>;
  /** Rejects when the thread has ended without being asked to. */
  gone: Promise<never>;
}

/** Half of what is young in the thread; V8 counts it three times. */
const youngMb = 4;

/** @param entry the program of the thread: `store-thread.ts` */
export function callThread(entry: URL, options: ThreadOptions): Thread {
  const calls = new Map<number, PromiseWithResolvers<unknown>>();
  const opened = Promise.withResolvers<Readonly<Record<PortName, readonly string[]>>>();
  const ended = Promise.withResolvers<void>();
  let last = 0;
  const unasked = Promise.withResolvers<never>();
  // Only for those who want to know.
  unasked.promise.catch(() => {});
  let gone: OffpeakError | undefined;
  let isClosing = false;
  // Read when the thread's heap is made. It begins with half a megabyte, of which the rows of one message fill several, and
  // each was moved twice and then kept until all is swept: half of the thread's time.
  setFlagsFromString(`--min-semi-space-size=${youngMb}`);
  const worker = new Worker(entry, {
    workerData: { ...options, compileCache: getCompileCacheDir() !== undefined } satisfies ThreadOptions,
    // Node 22 says of every thread that node:sqlite is experimental.
    execArgv: ['--no-warnings'],
    resourceLimits: { maxYoungGenerationSizeMb: 3 * youngMb },
  });

  const end = (words: string) => {
    gone ??= new OffpeakError(`The store ${options.path} ${words}`, { code: 'store_closed' });
    if (!isClosing) unasked.reject(gone);
    opened.reject(gone);
    for (const { reject } of calls.values()) reject(gone);
    calls.clear();
  };
  const settle = (id: number) => {
    const call = calls.get(id);
    calls.delete(id);
    // Nobody waits for it: the process may end.
    if (calls.size === 0 && !isClosing) worker.unref();
    return call;
  };
  worker.on('message', (answer: Answer) => {
    if (answer.type === 'opened') {
      worker.unref();
      opened.resolve(answer.methods);
    } else if (answer.type === 'not_opened') opened.reject(fromPlain(answer.error));
    else if (answer.type === 'value') settle(answer.id)?.resolve(answer.value);
    else settle(answer.id)?.reject(fromPlain(answer.error));
  });
  worker.on('error', (error) => end(`failed: its thread has ended: ${error.message}. Start again; nothing is lost.`));
  worker.on('exit', () => {
    end(isClosing ? 'is closed.' : 'failed: its thread has ended. Start again; nothing is lost.');
    ended.resolve();
  });

  const call = async (port: PortName, method: string, args: readonly unknown[]) => {
    if (gone) throw gone;
    last += 1;
    const call: Call = { id: last, port, method, args };
    worker.postMessage(call);
    const answer = Promise.withResolvers<unknown>();
    if (calls.size === 0) worker.ref();
    calls.set(call.id, answer);
    return answer.promise;
  };
  return {
    opened: opened.promise,
    gone: unasked.promise,
    call,
    close: async () => {
      isClosing = true;
      try {
        await call('store', 'close', []);
      } finally {
        await ended.promise;
      }
    },
  };
}
