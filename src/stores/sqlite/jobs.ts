import type { JobState } from '../../job.ts';
import { jobStates } from '../../job.ts';
import type { ResultRow } from '../../sink.ts';
import type { ReadOptions } from '../../store-rows.ts';
import { chunkRows } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { defined, jobStateOf, number, optionalNumber, optionalText, type Row, text } from './rows.ts';
import { firstJobId, lastJobId, RunDelta, runSeq } from './runs.ts';
import { endFlight } from './sharing.ts';

/** Ended jobs of a run back into the queue, with all their attempts ahead; a chunk, returns how many. */
export function requeueJobs(db: Database, runId: string, states: readonly ('failed' | 'cancelled')[]): number {
  return db.write(() => {
    const run = runSeq(db, runId);
    const delta = new RunDelta();
    const max = number(db.sql('SELECT max_attempts FROM runs WHERE seq = ?').get(run) ?? {}, 'max_attempts');
    let requeued = 0;
    for (const state of states) {
      const rows = db
        .sql(
          `UPDATE jobs SET state = 'queued', available_at = 0, last_attempt = attempts + ?
           WHERE id IN (SELECT id FROM jobs INDEXED BY jobs_over
             WHERE run = ? AND state = '${state}' AND state IN ('failed', 'cancelled') AND lane IS NOT NULL LIMIT ?)
           RETURNING id`,
        )
        .all(max, run, chunkRows);
      for (const row of rows) {
        db.sql('DELETE FROM results WHERE job = ?').run(number(row, 'id'));
        dropCorrection(db, number(row, 'id'));
      }
      delta.move(state, 'queued', rows.length);
      requeued += rows.length;
    }
    if (requeued > 0) {
      db.sql("UPDATE runs SET state = 'running', ended_at = NULL WHERE seq = ? AND state = 'ended'").run(run);
    }
    delta.write(db, run);
    return requeued;
  });
}

/** A person asks again: the job's own request is sent, with all its chances. */
export function dropCorrection(db: Database, job: number): void {
  const { changes } = db.sql('DELETE FROM corrections WHERE job = ?').run(job);
  if (Number(changes) === 0) return;
  db.sql(
    `UPDATE jobs SET bytes = p.bytes, tokens = tokens - (jobs.bytes - p.bytes) / 4,
       max_input = max_input - jobs.bytes + p.bytes
     FROM (SELECT job, octet_length(body) AS bytes FROM payloads WHERE job = ?1) p WHERE jobs.id = ?1 AND p.job = jobs.id`,
  ).run(job);
}

/** Cancels a chunk of a run's queued jobs. */
export function cancelQueuedJobs(db: Database, runId: string): number {
  return db.write(() => {
    const run = runSeq(db, runId);
    const rows = db
      .sql(
        `UPDATE jobs SET state = 'cancelled' WHERE id IN (
           SELECT j.id FROM lanes l JOIN jobs j ON j.lane = l.id AND j.state = 'queued' AND j.leader IS NULL
           WHERE l.run = ? LIMIT ?)
         RETURNING id, hash`,
      )
      .all(run, chunkRows);
    // And those that wait for another's answer.
    const following = db
      .sql(
        `UPDATE jobs SET state = 'cancelled', leader = NULL WHERE id IN (
           SELECT id FROM jobs INDEXED BY jobs_leader WHERE leader IS NOT NULL AND id BETWEEN ? AND ? LIMIT ?)
         RETURNING id, hash`,
      )
      .all(firstJobId(run), lastJobId(run), chunkRows - rows.length);
    rows.push(...following);
    for (const row of rows) {
      endFlight(db, number(row, 'id'), optionalNumber(row, 'hash'));
      db.sql(
        `INSERT INTO results (job, error_code, error_message) VALUES (?, 'cancelled', 'cancelled before it was sent')
         ON CONFLICT (job) DO NOTHING`,
      ).run(number(row, 'id'));
    }
    const delta = new RunDelta();
    delta.move('queued', 'cancelled', rows.length);
    delta.write(db, run);
    return rows.length;
  });
}

/** A page of a run's results in input order. */
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
      .all(Math.max(options.after ?? 0, firstJobId(run)), lastJobId(run), ...(filter ? states : []), options.limit);
    return rows.map((row) => toResultRow(db, row));
  });
}

function toResultRow(db: Database, row: Row): ResultRow {
  const job = number(row, 'id');
  const state = jobStateOf(row);
  const sums = db
    .sql(
      `SELECT count(*) AS attempts, sum(input_tokens) AS input, sum(output_tokens) AS output,
         sum(cached_tokens) AS cached, sum(cost_nano) AS cost, count(input_tokens) - count(cost_nano) AS unpriced,
         min(started_at) AS started, max(ended_at) AS ended
       FROM attempts WHERE job = ?`,
    )
    .get(job);
  const attempts = sums ? number(sums, 'attempts') : 0;
  const started = sums ? optionalNumber(sums, 'started') : undefined;
  const ended = sums ? optionalNumber(sums, 'ended') : undefined;
  return {
    key: text(row, 'key'),
    job,
    state: state === 'queued' || state === 'packed' || state === 'running' ? 'pending' : state,
    attempts,
    seconds: started === undefined || ended === undefined ? 0 : Math.max(0, ended - started) / 1000,
    reused: row.reused_from !== null,
    ...defined('output', optionalText(row, 'output')),
    ...defined('response', optionalText(row, 'response')),
    ...defined('finishReason', optionalText(row, 'finish_reason')),
    ...defined('errorCode', optionalText(row, 'error_code')),
    ...defined('errorMessage', optionalText(row, 'error_message')),
    ...(sums && optionalNumber(sums, 'input') !== undefined
      ? {
          ...defined('inputTokens', optionalNumber(sums, 'input')),
          ...defined('outputTokens', optionalNumber(sums, 'output')),
          ...defined('cachedTokens', optionalNumber(sums, 'cached')),
          ...(number(sums, 'unpriced') === 0 ? defined('costNanoUsd', optionalNumber(sums, 'cost')) : {}),
        }
      : {}),
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
