import type { JobState } from '../../job.ts';
import type { Database } from './database.ts';
import { number, type Row } from './rows.ts';
import { firstJobId, lastJobId } from './runs.ts';

/**
 * Where the jobs of a run that are in certain states are found, newest first, without reading the others. Each index
 * serves the work, none is there for looking on: what has none is looked for among a bounded number of rows.
 */

export interface Wanted {
  run: number;
  /** Ids below this. */
  before: number;
  limit: number;
}

export interface Found {
  /** Newest first; at most the limit. */
  ids: number[];
  /** The last row that was looked at, when it was not the last there is. */
  lookedTo?: number;
}

/** Rows that are looked at one after another: 3 ms. */
const scanRows = 20_000;
/** The same where each is looked up in its table. */
const lookUpRows = 3_000;

export function everyJob(db: Database, { run, before, limit }: Wanted): Found {
  const rows = db
    .sql('SELECT id FROM jobs WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?')
    .all(firstJobId(run), before, limit);
  return { ids: idsOf(rows) };
}

/** For a state that most jobs are in. */
export function scannedJobs(db: Database, { run, before, limit }: Wanted, state: JobState): Found {
  const span = [firstJobId(run), before] as const;
  const scanned = 'SELECT id, state FROM jobs WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3';
  const rows = db.sql(`SELECT id FROM (${scanned}) WHERE state = ?4 LIMIT ?5`).all(...span, scanRows, state, limit);
  if (rows.length === limit) return { ids: idsOf(rows) };
  const end = db.sql(`SELECT min(id) AS id, count(*) AS rows FROM (${scanned})`).get(...span, scanRows) ?? {};
  return { ids: idsOf(rows), ...(end.rows === scanRows ? { lookedTo: number(end, 'id') } : {}) };
}

export function overJobs(db: Database, wanted: Wanted, state: 'failed' | 'cancelled' | 'skipped'): Found {
  const rows = db
    .sql(
      `SELECT id FROM jobs INDEXED BY jobs_over
       WHERE run = ? AND state = '${state}' AND id < ?
       ORDER BY id DESC LIMIT ?`,
    )
    .all(wanted.run, wanted.before, wanted.limit);
  return { ids: idsOf(rows) };
}

/** Those that wait to be sent, in their lanes, and those that wait for another's answer. */
export function queuedJobs(db: Database, wanted: Wanted): Found {
  const following = followingJobs(db, wanted);
  if (!following) return scannedJobs(db, wanted, 'queued');
  return {
    ids: newest([...lanePriorities(db, wanted.run).flatMap((of) => waitingJobs(db, wanted, of)), ...following], wanted),
  };
}

interface LanePriority {
  lane: number;
  priority: number;
}

/** In a lane they lie by priority first, and by id within it. */
function waitingJobs(db: Database, { before, limit }: Wanted, { lane, priority }: LanePriority): number[] {
  const rows = db
    .sql(
      `SELECT id FROM jobs WHERE state = 'queued' AND leader IS NULL AND lane = ? AND priority = ? AND id < ?
       ORDER BY id DESC LIMIT ?`,
    )
    .all(lane, priority, before, limit);
  return idsOf(rows);
}

function lanePriorities(db: Database, run: number): LanePriority[] {
  const found: LanePriority[] = [];
  for (const row of db.sql('SELECT id FROM lanes WHERE run = ?').all(run)) {
    const lane = number(row, 'id');
    for (let next = highestPriority(db, lane); next; next = highestPriority(db, lane, next.priority)) found.push(next);
  }
  return found;
}

function highestPriority(db: Database, lane: number, below = Number.MAX_SAFE_INTEGER): LanePriority | undefined {
  const row = db
    .sql(
      `SELECT priority FROM jobs WHERE state = 'queued' AND leader IS NULL AND lane = ? AND priority < ?
       ORDER BY priority DESC LIMIT 1`,
    )
    .get(lane, below);
  return row && { lane, priority: number(row, 'priority') };
}

/** Undefined: too many of the store's jobs follow others to look through them. */
function followingJobs(db: Database, { run, before }: Wanted): number[] | undefined {
  const rows = db.sql('SELECT id FROM jobs INDEXED BY jobs_leader WHERE leader IS NOT NULL LIMIT ?').all(lookUpRows);
  if (rows.length === lookUpRows) return undefined;
  return idsOf(rows).filter((id) => id >= firstJobId(run) && id < before);
}

/** What batches and calls hold. */
export function heldByWork(db: Database, wanted: Wanted, states: readonly ('packed' | 'running')[]): Found {
  const batches = db
    .sql("SELECT id FROM batches WHERE run = ? AND state NOT IN ('collected', 'failed', 'abandoned')")
    .all(wanted.run);
  const rows = Math.max(wanted.limit, Math.floor(lookUpRows / Math.max(1, batches.length)));
  const inBatches = batches.map((batch) => inBatch(db, wanted, { batch: number(batch, 'id'), states, rows }));
  const calls = states.includes('running') ? callsUnderWay(db, wanted) : [];
  return merge([...inBatches, { ids: calls }], wanted.limit);
}

/** Jobs that a batch has tried, whatever became of them since; of those in `states` only, and in it still. */
export function inBatch(
  db: Database,
  { before, limit }: Omit<Wanted, 'run'>,
  { batch, states, rows = lookUpRows }: { batch: number; states?: readonly JobState[]; rows?: number },
): Found {
  const tried = `SELECT job FROM attempts INDEXED BY attempts_batch WHERE batch = ?1 AND job < ?2 ORDER BY job DESC`;
  if (!states)
    return {
      ids: db
        .sql(`${tried} LIMIT ?3`)
        .all(batch, before, limit)
        .map((row) => number(row, 'job')),
    };
  const found = db
    .sql(
      `SELECT j.id FROM (${tried} LIMIT ?3) a CROSS JOIN jobs j ON j.id = a.job
       WHERE j.state IN (SELECT value FROM json_each(?4)) LIMIT ?5`,
    )
    .all(batch, before, rows, JSON.stringify(states), limit);
  if (found.length === limit) return { ids: idsOf(found) };
  const end = db.sql(`SELECT min(job) AS id, count(*) AS rows FROM (${tried} LIMIT ?3)`).get(batch, before, rows) ?? {};
  return { ids: idsOf(found), ...(end.rows === rows ? { lookedTo: number(end, 'id') } : {}) };
}

function callsUnderWay(db: Database, { run, before, limit }: Wanted): number[] {
  const rows = db
    .sql(
      `SELECT DISTINCT j.id FROM attempts a INDEXED BY attempts_leased JOIN jobs j ON j.id = a.job
       WHERE a.lease_owner IS NOT NULL AND a.job BETWEEN ? AND ? AND a.job < ? AND j.state = 'running' AND j.batch IS NULL
       ORDER BY j.id DESC LIMIT ?`,
    )
    .all(firstJobId(run), lastJobId(run), before, limit);
  return idsOf(rows);
}

/** What several sources found, down to where the first of them stopped. */
export function merge(sources: readonly Found[], limit: number): Found {
  const stops = sources.flatMap(({ ids, lookedTo }) => lookedTo ?? (ids.length >= limit ? (ids.at(-1) ?? []) : []));
  const floor = Math.max(0, ...stops);
  const ids = [...new Set(sources.flatMap((source) => source.ids))].filter((id) => id >= floor).sort((a, b) => b - a);
  const isCut = ids.length < limit && floor > 0;
  return { ids: ids.slice(0, limit), ...(isCut ? { lookedTo: floor } : {}) };
}

function newest(ids: readonly number[], { limit }: Wanted): number[] {
  return [...ids].sort((a, b) => b - a).slice(0, limit);
}

const idsOf = (rows: readonly Row[]): number[] => rows.map((row) => number(row, 'id'));
