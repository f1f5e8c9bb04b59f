import { isEnded } from '../../job.ts';
import type { AttemptView, JobDetails, JobSummary } from '../../views.ts';
import type { Database } from './database.ts';
import { defined, jobStateOf, number, optionalNumber, optionalText, type Row, text } from './rows.ts';

/** Single jobs as people see them. */

/** Of a success no error is looked for: it would stand behind the whole answer. */
const fromJobs = `FROM jobs j JOIN runs r ON r.seq = j.run LEFT JOIN lanes l ON l.id = j.lane
  LEFT JOIN queued_jobs q ON q.job = j.id`;
const columns = `j.id, j.key, j.state, j.priority, j.attempts, j.batch, j.reused_from, r.id AS run_id, r.queue,
  coalesce(l.provider, r.provider) AS provider, coalesce(l.model, r.model) AS model,
  l.held = 1 AND r.state = 'open' AND j.state = 'queued' AS held, q.created_at`;

export function jobSummary(db: Database, id: number): JobSummary | undefined {
  const row = db
    .sql(
      `SELECT ${columns}, f.error_code ${fromJobs}
       LEFT JOIN results f ON f.job = j.id AND j.state IN ('failed', 'cancelled', 'skipped') WHERE j.id = ?`,
    )
    .get(id);
  return row && toSummary(row);
}

export function getJob(db: Database, id: number): JobDetails | undefined {
  return db.read(() => {
    const row = db
      .sql(
        `SELECT ${columns}, l.endpoint, q.data, q.callback_url, coalesce(c.body, p.body) AS body, f.output, f.response,
           f.finish_reason, f.error_code, f.error_message
         ${fromJobs} LEFT JOIN payloads p ON p.job = j.id LEFT JOIN corrections c ON c.job = j.id
         LEFT JOIN results f ON f.job = j.id WHERE j.id = ?`,
      )
      .get(id);
    if (!row) return undefined;
    const history = db.sql('SELECT * FROM attempts WHERE job = ? ORDER BY number').all(id).map(toAttempt);
    const ends = history.flatMap(({ endedAt }) => endedAt ?? []);
    return {
      ...toSummary(row),
      history,
      ...defined('endpoint', optionalText(row, 'endpoint')),
      ...defined('body', optionalText(row, 'body')),
      ...defined('data', optionalText(row, 'data')),
      ...defined('callbackUrl', optionalText(row, 'callback_url')),
      ...defined('output', optionalText(row, 'output')),
      ...defined('response', optionalText(row, 'response')),
      ...defined('finishReason', optionalText(row, 'finish_reason')),
      ...defined('errorMessage', optionalText(row, 'error_message')),
      ...defined('endedAt', isEnded(jobStateOf(row)) && ends.length > 0 ? Math.max(...ends) : undefined),
      ...defined('reusedFrom', optionalNumber(row, 'reused_from')),
    };
  });
}

function toSummary(row: Row): JobSummary {
  return {
    id: number(row, 'id'),
    runId: text(row, 'run_id'),
    key: text(row, 'key'),
    provider: text(row, 'provider'),
    model: text(row, 'model'),
    state: jobStateOf(row),
    held: row.held === 1,
    priority: number(row, 'priority'),
    attempts: number(row, 'attempts'),
    ...defined('queue', optionalText(row, 'queue')),
    ...defined('batchId', optionalNumber(row, 'batch')),
    ...defined('createdAt', optionalNumber(row, 'created_at')),
    ...defined('errorCode', optionalText(row, 'error_code')),
  };
}

function toAttempt(row: Row): AttemptView {
  return {
    number: number(row, 'number'),
    startedAt: number(row, 'started_at'),
    ...defined('batchId', optionalNumber(row, 'batch')),
    ...defined('outcome', optionalText(row, 'outcome')),
    ...defined('errorCode', optionalText(row, 'error_code')),
    ...defined('errorMessage', optionalText(row, 'error_message')),
    ...defined('endedAt', optionalNumber(row, 'ended_at')),
    ...defined('inputTokens', optionalNumber(row, 'input_tokens')),
    ...defined('outputTokens', optionalNumber(row, 'output_tokens')),
    ...defined('cachedTokens', optionalNumber(row, 'cached_tokens')),
    ...defined('costNanoUsd', optionalNumber(row, 'cost_nano')),
  };
}
