import { OffpeakError } from '../../errors.ts';
import type { JobState } from '../../job.ts';
import { jobStates } from '../../job.ts';
import type { JobFilter, JobPage } from '../../views.ts';
import type { Database } from './database.ts';
import {
  everyJob,
  type Found,
  heldByWork,
  inBatch,
  merge,
  overJobs,
  queuedJobs,
  scannedJobs,
  type Wanted,
} from './job-sources.ts';
import { jobSummary } from './job-views.ts';
import { number, type Row, text } from './rows.ts';
import { lastJobId, runOfJob, runSeq } from './runs.ts';

/** Pages of jobs, newest first. */
export function listJobs(db: Database, filter: JobFilter): JobPage {
  const { limit } = filter;
  return db.read(() => {
    // One more than asked for: it tells whether there is another page.
    const { ids, lookedTo } = find(db, filter, limit + 1);
    const shown = ids.slice(0, limit);
    const next = ids.length > limit ? shown.at(-1) : lookedTo;
    const jobs = shown.flatMap((id) => jobSummary(db, id) ?? []);
    return next === undefined ? { jobs } : { jobs, next };
  });
}

function find(db: Database, filter: JobFilter, limit: number): Found {
  const { runId, batchId, keyPrefix, states, before } = filter;
  const wanted = { before: before ?? Number.MAX_SAFE_INTEGER, limit };
  if (keyPrefix !== undefined) return findByKey(db, filter, limit);
  if (batchId !== undefined)
    return inOneRun(db, inBatch(db, wanted, { batch: batchId, ...(states ? { states } : {}) }), runId);
  if (runId === undefined) return inAllRuns(db, wanted, states ?? jobStates);
  const run = db.sql('SELECT * FROM runs WHERE seq = ?').get(runSeq(db, runId)) ?? {};
  return inRun(db, run, wanted, states ?? jobStates);
}

/** A batch is of one run: asked for together with another one, it holds nothing. */
function inOneRun(db: Database, found: Found, runId: string | undefined): Found {
  const [first] = found.ids;
  return runId === undefined || first === undefined || runOfJob(first) === runSeq(db, runId) ? found : { ids: [] };
}

/** The newest run first; those that have no such job are not looked into. */
function inAllRuns(db: Database, wanted: Omit<Wanted, 'run'>, states: readonly JobState[]): Found {
  const counts = jobStates.filter((state) => states.includes(state)).join(' + ');
  // One more than is wanted: of the first one all may have been seen.
  const runs = db
    .sql(`SELECT * FROM runs WHERE seq <= ? AND ${counts || '0'} > 0 ORDER BY seq DESC LIMIT ?`)
    .all(runOfJob(wanted.before), wanted.limit + 1);
  const ids: number[] = [];
  for (const run of runs) {
    const found = inRun(db, run, { ...wanted, limit: wanted.limit - ids.length }, states);
    ids.push(...found.ids);
    if (found.lookedTo !== undefined) return { ids, lookedTo: found.lookedTo };
    if (ids.length >= wanted.limit) break;
  }
  return { ids };
}

function inRun(db: Database, run: Row, of: Omit<Wanted, 'run'>, states: readonly JobState[]): Found {
  const seq = number(run, 'seq');
  const wanted = { ...of, run: seq, before: Math.min(of.before, lastJobId(seq) + 1) };
  const present = jobStates.filter((state) => number(run, state) > 0);
  const asked = present.filter((state) => states.includes(state));
  if (asked.length === present.length) return everyJob(db, wanted);
  const underWay = asked.filter((state) => state === 'packed' || state === 'running');
  const others = asked.map((state) => inState(db, wanted, state));
  return merge(
    [...others.flatMap((found) => found ?? []), ...(underWay.length > 0 ? [heldByWork(db, wanted, underWay)] : [])],
    wanted.limit,
  );
}

function inState(db: Database, wanted: Wanted, state: JobState): Found | undefined {
  if (state === 'failed' || state === 'cancelled' || state === 'skipped') return overJobs(db, wanted, state);
  if (state === 'queued') return queuedJobs(db, wanted);
  return state === 'succeeded' ? scannedJobs(db, wanted, state) : undefined;
}

/** Keys that are looked at for one page. */
const keysRead = 3_000;

/** In the order of the keys, which the index has; `before` is the last one's id here too. */
function findByKey(db: Database, { runId, keyPrefix = '', states, before }: JobFilter, limit: number): Found {
  if (runId === undefined) throw new OffpeakError('Keys are looked for inside a run: name it.', { code: 'usage' });
  const run = runSeq(db, runId);
  const last =
    before === undefined ? undefined : db.sql('SELECT key FROM jobs WHERE id = ? AND run = ?').get(before, run);
  if (before !== undefined && !last) return { ids: [] };
  const keys = `SELECT id, key, state FROM jobs INDEXED BY jobs_key
    WHERE run = ?1 AND key ${last ? '>' : '>='} ?2 ORDER BY key LIMIT ?3`;
  const span = [run, last ? text(last, 'key') : keyPrefix, states ? keysRead : limit] as const;
  const rows = db
    .sql(`SELECT id, key FROM (${keys}) WHERE state IN (SELECT value FROM json_each(?4)) LIMIT ?5`)
    .all(...span, JSON.stringify(states ?? jobStates), limit);
  const begins = (row: Row) => text(row, 'key').startsWith(keyPrefix);
  const ids = rows.filter(begins).map((row) => number(row, 'id'));
  if (!states || rows.length === limit || ids.length < rows.length) return { ids };
  const [end] = db.sql(`SELECT id, key FROM (${keys}) LIMIT 1 OFFSET ?4`).all(...span, keysRead - 1);
  return end && begins(end) ? { ids, lookedTo: number(end, 'id') } : { ids };
}
