import { Worker } from 'node:worker_threads';

/**
 * Copies the write-ahead log into the database on a thread of its own, because a copy of 8 MB and its fsync held the
 * event loop for 20 to 350 ms (measured while 100,000 results were collected). A writer that never pauses also never
 * finds the log wholly copied, so now and then a commit copies what little is left (`wal_autocheckpoint`), and the log
 * begins anew.
 */
export interface Checkpointer {
  /** After each commit, which is durable: whatever goes wrong here is no fault of it, and throws nothing. */
  wrote(): void;
  close(): Promise<void>;
}

/** Commits before the thread is started: short commands do without. */
const commitsBeforeStart = 50;
/** Least pause between two copies, so that many small commits share one. */
const pauseMs = 100;

/** Other connections may be in the way, or the disk full: the next commit tells, and the next copy tries again. */
const script = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { DatabaseSync } = require('node:sqlite');
  const db = new DatabaseSync(workerData, { timeout: 0 });
  db.exec('PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -500');
  const copy = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  parentPort.on('message', (word) => {
    if (word === 'copy') {
      try { copy.all(); } catch {}
      parentPort.postMessage('done');
      return;
    }
    parentPort.close();
    try { db.close(); } catch {}
  });
`;

export function createCheckpointer(path: string): Checkpointer {
  let thread: { worker: Worker; ended: Promise<void> } | undefined;
  let commits = 0;
  let isBusy = false;
  let lastAt = Number.NEGATIVE_INFINITY;

  const start = () => {
    const worker = new Worker(script, {
      eval: true,
      workerData: path,
      // Node 22 says of every thread that node:sqlite is experimental.
      execArgv: ['--no-warnings'],
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    });
    worker.unref();
    worker.on('message', () => {
      isBusy = false;
    });
    // Without the thread, busy for ever, the commits copy by themselves.
    worker.on('error', () => {});
    return { worker, ended: new Promise<void>((resolve) => worker.once('exit', () => resolve())) };
  };

  return {
    wrote: () => {
      commits += 1;
      if (isBusy || path === ':memory:' || commits < commitsBeforeStart) return;
      const now = performance.now();
      if (now - lastAt < pauseMs) return;
      lastAt = now;
      isBusy = true;
      try {
        thread ??= start();
        thread.worker.postMessage('copy');
      } catch {
        // No memory for a thread: as without one, the commits copy by themselves.
      }
    },
    close: async () => {
      isBusy = true;
      thread?.worker.ref();
      thread?.worker.postMessage('close');
      await thread?.ended;
    },
  };
}
