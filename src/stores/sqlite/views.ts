import type { Views } from '../../views.ts';
import * as batches from './batch-views.ts';
import type { Database } from './database.ts';
import * as events from './event-views.ts';
import * as feed from './feed.ts';
import { listJobs } from './job-lists.ts';
import { getJob } from './job-views.ts';
import { totalsByQueue } from './queue-totals.ts';
import * as runs from './run-views.ts';
import { listSpending } from './spending-views.ts';
import { totals } from './totals.ts';

/** What people look at, read from the same file; see the port. */
export function createViews(db: Database): Views {
  return {
    getJob: async (job) => getJob(db, job),
    listJobs: async (filter) => listJobs(db, filter),
    readFeed: async (filter) => feed.readFeed(db, filter),
    listEvents: async (filter) => events.listEvents(db, filter),
    lastEventId: async () => events.lastEventId(db),
    listRuns: async (filter) => runs.listRuns(db, filter),
    listBatches: async (filter) => batches.listBatches(db, filter),
    getBatch: async (id) => batches.getBatch(db, id),
    listFailures: async (runId) => runs.listFailures(db, runId),
    totals: async (side) => totals(db, side),
    totalsByQueue: async (side) => totalsByQueue(db, side),
    getResult: async (job) => feed.getResult(db, job),
    listSpending: async (filter) => listSpending(db, filter),
  };
}
