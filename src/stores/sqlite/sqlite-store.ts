import { hasCode, OffpeakError } from '../../errors.ts';
import type { Store } from '../../store.ts';
import { isOwnerAlive, processOwner } from '../process-owner.ts';
import { addJobs } from './add-jobs.ts';
import * as batches from './batches.ts';
import { book, readAttempts } from './book.ts';
import { checkStore, integrity } from './check.ts';
import { type Database, openDatabase } from './database.ts';
import * as jobs from './jobs.ts';
import * as lanes from './lanes.ts';
import * as leases from './leases.ts';
import * as runs from './runs.ts';

export interface SqliteStoreOptions {
  /** File of the database; made, with its folder, when it is not there. */
  path: string;
  /** Who opens it; remembered until `close`, so that an unclean end is noticed. By default this process. */
  owner?: string;
  /** Whether an owner's process still runs; one that does not has ended without closing. */
  isAlive?: (owner: string) => boolean;
  now?: () => number;
  /** How long a write waits for another process before `store_locked`. */
  busyTimeoutMs?: number;
}

/**
 * The embedded store: one SQLite file through Node's own `node:sqlite`, any number of processes on it. Measured here: as
 * fast as better-sqlite3, with nothing to compile.
 * @throws OffpeakError `store_corrupt`, `store_locked`, `store_failed`
 */
export function createSqliteStore(options: SqliteStoreOptions): Store {
  const now = options.now ?? Date.now;
  const { path, busyTimeoutMs, owner = processOwner(), isAlive = isOwnerAlive } = options;
  const db = openDatabase(busyTimeoutMs === undefined ? { path } : { path, busyTimeoutMs });
  try {
    openSession(db, { owner, isAlive, at: now() });
  } catch (error) {
    db.close();
    throw error;
  }
  let closed = false;

  // The port is asynchronous because other stores are; here each call is one short synchronous transaction.
  return {
    createRun: async (run, at) => runs.createRun(db, run, at),
    getRun: async (id) => db.read(() => runs.getRun(db, id)),
    listRuns: async (filter = {}) => db.read(() => runs.listRuns(db, filter)),
    updateRun: async (id, change, at) => runs.updateRun(db, id, change, at),
    addJobs: async (runId, chunk, how) => addJobs(db, runId, chunk, how),
    requeueJobs: async (runId, states) => jobs.requeueJobs(db, runId, states),
    cancelQueuedJobs: async (runId) => jobs.cancelQueuedJobs(db, runId),
    readResults: async (runId, how) => jobs.readResults(db, runId, how),
    findLanes: async (scope, at) => db.read(() => lanes.findLanes(db, scope, at)),
    updateLane: async (laneId, change) => lanes.updateLane(db, laneId, change),
    moveAccount: async (runId, from, to) => lanes.moveAccount(db, runId, from, to),
    openBatch: async (laneId, nonce, owner) => batches.openBatch(db, laneId, nonce, owner),
    packJobs: async (lease, room) => lanes.packJobs(db, lease, room),
    claimJobs: async (laneId, limit, owner) => lanes.claimJobs(db, laneId, limit, owner),
    claimBatch: async (scope, owner) => batches.claimBatch(db, scope, owner),
    nextDue: async (scope) => batches.nextDue(db, scope),
    updateBatch: async (lease, change, at, release) => batches.updateBatch(db, lease, change, release, at),
    readRequests: async (batchId, afterJob, limit) => batches.readRequests(db, batchId, afterJob, limit),
    startJobs: async (lease, afterJob) => batches.startJobs(db, lease, afterJob),
    book: async (rows, lease) => book(db, rows, lease),
    readAttempts: async (batchId, page) => readAttempts(db, batchId, page),
    quarantine: async (lease, lines) => batches.quarantine(db, lease, lines),
    renewLeases: async (owner, until) => leases.renewLeases(db, owner, until),
    listOwners: async () => leases.listOwners(db),
    releaseOwner: async (owner, at) => leases.releaseOwner(db, owner, at),
    releaseLapsed: async (at) => leases.releaseLapsed(db, at),
    listBatches: async (filter = {}) => batches.listBatches(db, filter),
    getJobKeys: async (ids) => jobs.getJobKeys(db, ids),
    check: async () => checkStore(db),
    close: async () => {
      if (closed) return;
      closed = true;
      leases.releaseOwner(db, owner, now());
      db.close();
    },
  };
}

/** Notes that we are here; after somebody's unclean end the file is checked before it is used. */
function openSession(
  db: Database,
  { owner, isAlive, at }: { owner: string; isAlive: (owner: string) => boolean; at: number },
): void {
  const gone = leases.listOwners(db).filter((other) => !isAlive(other));
  if (gone.length > 0) {
    const damage = integrity(db);
    if (damage.length > 0) {
      throw new OffpeakError(
        `The store ${db.path} is damaged: ${damage[0]}. Nothing was changed; keep the file and restore a copy.`,
        { code: 'store_corrupt' },
      );
    }
    for (const other of gone) leases.releaseOwner(db, other, at);
  }
  try {
    db.write(() => db.sql('INSERT OR REPLACE INTO sessions (owner, opened_at) VALUES (?, ?)').run(owner, at));
  } catch (error) {
    // On a full disk the results can still be read.
    if (!hasCode(error, 'store_full')) throw error;
  }
}
