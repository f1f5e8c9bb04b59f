import type { JobState } from '../../job.ts';
import { jobStates } from '../../job.ts';
import type { ResultRow } from '../../sink.ts';
import type { ReadOptions } from '../../store-rows.ts';
import { attemptSums } from './attempt-sums.ts';
import { boundedPage } from './bounded-page.ts';
import type { Database } from './database.ts';
import { defined, jobStateOf, number, optionalText, type Row, text } from './rows.ts';
import { firstJobId, lastJobId, runSeq } from './runs.ts';

/** A page of a run's results in input order; a short one too, when its answers are long. */
export function readResults(db: Database, runId: string, options: ReadOptions): ResultRow[] {
  return db.read(() => {
    const run = runSeq(db, runId);
    const states: readonly JobState[] = options.states ?? jobStates;
    const filter = states.length === jobStates.length ? '' : `AND j.state IN (${states.map(() => '?').join(', ')})`;
    const rows = db
      .sql(
        `SELECT j.id, j.key, j.state, j.reused_from, r.output, r.response, r.finish_reason, r.error_code,
           r.error_message
         FROM jobs j LEFT JOIN results r ON r.job = j.id
         WHERE j.id > ? AND j.id <= ? ${filter} ORDER BY j.id LIMIT ?`,
      )
      .iterate(Math.max(options.after ?? 0, firstJobId(run)), lastJobId(run), ...(filter ? states : []), options.limit);
    return boundedPage(rows, ['output', 'response']).map((row) => toResultRow(db, row));
  });
}

function toResultRow(db: Database, row: Row): ResultRow {
  const job = number(row, 'id');
  const state = jobStateOf(row);
  const { attempts, startedAt, endedAt, ...used } = attemptSums(db, job);
  return {
    key: text(row, 'key'),
    job,
    state: state === 'queued' || state === 'packed' || state === 'running' ? 'pending' : state,
    attempts,
    seconds: startedAt === undefined || endedAt === undefined ? 0 : Math.max(0, endedAt - startedAt) / 1000,
    reused: row.reused_from !== null,
    ...defined('output', optionalText(row, 'output')),
    ...defined('response', optionalText(row, 'response')),
    ...defined('finishReason', optionalText(row, 'finish_reason')),
    ...defined('errorCode', optionalText(row, 'error_code')),
    ...defined('errorMessage', optionalText(row, 'error_message')),
    ...used,
  };
}

export function getJobKeys(db: Database, jobs: readonly number[]): Map<number, string> {
  return db.read(() => {
    const keys = new Map<number, string>();
    for (const job of jobs) {
      const row = db.sql('SELECT key FROM jobs WHERE id = ?').get(job);
      if (row) keys.set(job, text(row, 'key'));
    }
    return keys;
  });
}
