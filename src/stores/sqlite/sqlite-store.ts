import { hasCode } from '../../errors.ts';
import type { Random } from '../../ids.ts';
import { processOf } from '../../owner.ts';
import type { ServiceStore } from '../../service-store.ts';
import type { Store } from '../../store.ts';
import type { Views } from '../../views.ts';
import { isOwnerAlive, processOwner } from '../process-owner.ts';
import * as limits from './account-limits.ts';
import { addJobs } from './add-jobs.ts';
import { admitBatch } from './admission.ts';
import * as batches from './batches.ts';
import { book, readAttempts } from './book.ts';
import { cancelQueuedJobs } from './cancel.ts';
import { checkStore } from './check.ts';
import { type Database, openDatabase } from './database.ts';
import * as imports from './imports.ts';
import * as jobs from './jobs.ts';
import * as lanes from './lanes.ts';
import * as leases from './leases.ts';
import { claimJobs, packJobs } from './pack-jobs.ts';
import { requeueJobs } from './requeue.ts';
import * as runs from './runs.ts';
import { createServiceStore } from './service-store.ts';
import { checkFollowers, leaveBatches, leaveUnpaid, settleFollowers } from './sharing.ts';
import { listCosts } from './spending.ts';
import { createViews } from './views.ts';
import { checkWhole, type WholeCheck, type WholeCheckOptions } from './whole-check.ts';

export interface SqliteStoreOptions {
  /** File of the database; made, with its folder, when it is not there. */
  path: string;
  /** Who opens it; remembered until `close`, so that an unclean end is noticed. By default this process. */
  owner?: string;
  /** Whether an owner's process still runs; one that does not has ended without closing. */
  isAlive?: (owner: string) => boolean;
  now?: () => number;
  /** For the ids of the runs that queued jobs make. */
  random?: Random;
  /** How long a write waits for another process before `store_locked`. */
  busyTimeoutMs?: number;
  /** How the file is checked after an unclean end. */
  wholeCheck?: WholeCheckOptions;
}

/** One file, three ports: what the engine works with, what the service keeps, what people look at. */
export interface SqliteStore extends Store {
  readonly service: ServiceStore;
  readonly views: Views;
}

interface SessionOptions extends WholeCheckOptions {
  owner: string;
  isAlive: (owner: string) => boolean;
  at: number;
}

/**
 * The embedded store: one SQLite file through Node's own `node:sqlite`, any number of processes on it. Measured here: as
 * fast as better-sqlite3, with nothing to compile.
 * @throws OffpeakError `store_corrupt`, `store_locked`, `store_failed`
 */
export function createSqliteStore(options: SqliteStoreOptions): SqliteStore {
  const now = options.now ?? Date.now;
  const { path, busyTimeoutMs, owner = processOwner(), isAlive = isOwnerAlive } = options;
  const db = openDatabase(busyTimeoutMs === undefined ? { path } : { path, busyTimeoutMs });
  let wholeCheck: WholeCheck | undefined;
  try {
    wholeCheck = openSession(db, { owner, isAlive, at: now(), ...options.wholeCheck });
  } catch (error) {
    void db.close();
    throw error;
  }
  let closed = false;

  // The port is asynchronous because other stores are; here each call is one short synchronous transaction.
  return {
    service: createServiceStore(db, { random: options.random ?? Math.random, now }),
    views: createViews(db),
    createRun: async (run, at) => runs.createRun(db, run, at),
    getRun: async (id) => db.read(() => runs.getRun(db, id)),
    listRuns: async (filter = {}) => db.read(() => runs.listRuns(db, filter)),
    updateRun: async (id, change, at) => runs.updateRun(db, id, change, at),
    addJobs: async (runId, chunk, how) => addJobs(db, runId, chunk, how),
    requeueJobs: async (runId, states) => requeueJobs(db, runId, states, now()),
    cancelQueuedJobs: async (runId) => cancelQueuedJobs(db, runId),
    readResults: async (runId, how) => jobs.readResults(db, runId, how),
    findLanes: async (scope, at) => db.read(() => lanes.findLanes(db, scope, at)),
    updateLane: async (laneId, change) => lanes.updateLane(db, laneId, change),
    moveAccount: async (runId, from, to) => lanes.moveAccount(db, runId, from, to),
    openBatch: async (laneId, nonce, owner) => batches.openBatch(db, laneId, nonce, owner),
    packJobs: async (lease, room) => packJobs(db, lease, room),
    claimJobs: async (laneId, limit, owner, bound) => claimJobs(db, laneId, limit, owner, bound),
    claimBatch: async (scope, owner) => batches.claimBatch(db, scope, owner),
    nextDue: async (scope) => batches.nextDue(db, scope),
    admitBatch: async (lease, room, at) => admitBatch(db, lease, room, at),
    learnLimit: async (account, model, limit, at) => limits.learnLimit(db, account, model, limit, at),
    getLimit: async (account, model) => db.read(() => limits.getLimit(db, account, model)),
    restAccount: async (account, until) => limits.restAccount(db, account, until),
    hedgeJobs: async (lease, afterJob) => batches.hedgeJobs(db, lease, afterJob),
    settleFollowers: async () => settleFollowers(db),
    checkFollowers: async (runId, afterLeader) => checkFollowers(db, runId, afterLeader),
    leaveUnpaid: async (runId, afterLeader) => leaveUnpaid(db, runId, afterLeader),
    leaveBatches: async (runId) => leaveBatches(db, runId),
    findRemotes: async (account, ids, which) => imports.findRemotes(db, account, ids, which),
    importResults: async (runId, remote, rows) => imports.importResults(db, runId, remote, rows),
    listDurations: async (account, model, limit) => batches.listDurations(db, account, model, limit),
    listCosts: async (filter = {}) => listCosts(db, filter),
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
      wholeCheck?.stop();
      try {
        leases.releaseOwner(db, owner, now());
      } catch (error) {
        // Of a damaged store everybody has been told; nothing is written to it, not even a farewell.
        if (!hasCode(error, 'store_corrupt')) throw error;
      } finally {
        await db.close();
      }
    },
  };
}

/** Notes that we are here; after somebody's unclean end the file is checked. */
function openSession(db: Database, options: SessionOptions): WholeCheck | undefined {
  const { owner, isAlive, at } = options;
  const gone = leases.listOwners(db).filter((other) => !isAlive(processOf(other)));
  try {
    const isUnclean = gone.length > 0 || db.read(() => db.sql('SELECT 1 FROM unclean').get()) !== undefined;
    const check = isUnclean ? checkWhole(db, at, options) : undefined;
    for (const other of gone) leases.releaseOwner(db, other, at);
    db.write(() => db.sql('INSERT OR REPLACE INTO sessions (owner, opened_at) VALUES (?, ?)').run(owner, at));
    return check;
  } catch (error) {
    // On a full disk the results can still be read.
    if (!hasCode(error, 'store_full')) throw error;
    return undefined;
  }
}
