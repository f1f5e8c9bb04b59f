import type { FeedRow } from '../../views.ts';
import { attemptSums } from './attempt-sums.ts';
import { boundedPage } from './bounded-page.ts';
import type { Database } from './database.ts';
import { defined, jobStateOf, number, optionalNumber, optionalText, type Row, text } from './rows.ts';
import { runSeq } from './runs.ts';

/** Results as they come. */

const columns = `f.job, f.output, f.response, f.finish_reason, f.error_code, f.error_message, j.key, j.state, j.batch,
  r.id AS run_id, r.queue, coalesce(l.provider, r.provider) AS provider, coalesce(l.model, r.model) AS model, q.data`;
const withJobs = `JOIN jobs j ON j.id = f.job JOIN runs r ON r.seq = j.run LEFT JOIN lanes l ON l.id = j.lane
  LEFT JOIN queued_jobs q ON q.job = j.id`;

export function readFeed(
  db: Database,
  filter: { after: number; limit: number; runId?: string; batchId?: number },
): FeedRow[] {
  return db.read(() => {
    const page = boundedPage(rowsAfter(db, filter), ['output', 'response', 'data']);
    return page.map((row) => toFeedRow(db, row));
  });
}

function rowsAfter(
  db: Database,
  { after, limit, runId, batchId }: { after: number; limit: number; runId?: string; batchId?: number },
): Iterable<Row> {
  if (batchId !== undefined) {
    // Its jobs lie in order, its results anywhere among those of others: the job is the cursor. What another batch tried
    // again since is a result of that one.
    return db
      .sql(
        `SELECT a.job AS id, ${columns} FROM attempts a INDEXED BY attempts_batch CROSS JOIN results f ON f.job = a.job
           ${withJobs}
         WHERE a.batch = ?1 AND a.job > ?2 AND j.batch = ?1 AND (?4 IS NULL OR r.id = ?4) ORDER BY a.job LIMIT ?3`,
      )
      .iterate(batchId, after, limit, runId ?? null);
  }
  if (runId !== undefined) {
    return db
      .sql(
        `SELECT f.id, ${columns} FROM results f INDEXED BY results_run ${withJobs}
         WHERE f.job >> 30 = ? AND f.id > ? ORDER BY f.id LIMIT ?`,
      )
      .iterate(runSeq(db, runId), after, limit);
  }
  return db
    .sql(`SELECT f.id, ${columns} FROM results f ${withJobs} WHERE f.id > ? ORDER BY f.id LIMIT ?`)
    .iterate(after, limit);
}

export function getResult(db: Database, job: number): FeedRow | undefined {
  return db.read(() => {
    const row = db.sql(`SELECT f.id, ${columns} FROM results f ${withJobs} WHERE f.job = ?`).get(job);
    return row && toFeedRow(db, row);
  });
}

function toFeedRow(db: Database, row: Row): FeedRow {
  const job = number(row, 'job');
  const { inputTokens, outputTokens, costNanoUsd } = attemptSums(db, job);
  return {
    id: number(row, 'id'),
    job,
    runId: text(row, 'run_id'),
    key: text(row, 'key'),
    provider: text(row, 'provider'),
    model: text(row, 'model'),
    state: jobStateOf(row),
    ...defined('queue', optionalText(row, 'queue')),
    ...defined('batchId', optionalNumber(row, 'batch')),
    ...defined('data', optionalText(row, 'data')),
    ...defined('output', optionalText(row, 'output')),
    ...defined('response', optionalText(row, 'response')),
    ...defined('finishReason', optionalText(row, 'finish_reason')),
    ...defined('errorCode', optionalText(row, 'error_code')),
    ...defined('errorMessage', optionalText(row, 'error_message')),
    ...defined('inputTokens', inputTokens),
    ...defined('outputTokens', outputTokens),
    ...defined('costNanoUsd', costNanoUsd),
  };
}
