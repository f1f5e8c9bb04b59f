import type { RunSummary, Views } from '../../views.ts';
import { failuresRead } from '../../views.ts';
import type { Database } from './database.ts';
import { number, optionalText, text, toRun } from './rows.ts';
import { runSeq } from './runs.ts';
import { createdSince, createdUntil, where } from './view-filters.ts';

const runs = { name: 'runs', as: 'r', id: 'seq' } as const;

/** Newest first. */
export function listRuns(db: Database, filter: Parameters<Views['listRuns']>[0]): RunSummary[] {
  const { beforeSeq, limit, queue, provider, state, search, since, until } = filter;
  // Few runs are unfinished, and they have an index.
  const isUnfinished = state !== undefined && state !== 'ended';
  const { sql, values } = where([
    ['r.seq < ?', beforeSeq],
    queue === '*' ? ['r.queue IS NOT NULL'] : ['r.queue = ?', queue],
    ['r.provider = ?', provider],
    isUnfinished ? ["r.state <> 'ended' AND r.state = ?", state] : ['r.state = ?', state],
    // Of an id the beginning, of a name any part.
    ['(substr(r.id, 1, length(?)) = ? OR instr(lower(r.name), lower(?)) > 0)', search, search, search],
    createdSince(runs, since),
    createdUntil(runs, until),
  ]);
  const index = isUnfinished ? 'INDEXED BY runs_unfinished' : '';
  return db.read(() =>
    db
      .sql(`SELECT * FROM runs r ${index} ${sql} ORDER BY r.seq DESC LIMIT ?`)
      .all(...values, limit)
      .map((row) => ({ ...toRun(row), seq: number(row, 'seq') })),
  );
}

/** Failures by their code, the most frequent first, each with the words of its newest. */
export function listFailures(db: Database, runId: string): { code: string; jobs: number; example: string }[] {
  return db.read(() => {
    // Two narrow indexes: the results themselves lie among those of the whole run.
    const codes = db
      .sql(
        `SELECT f.error_code, count(*) AS jobs, max(j.id) AS newest FROM (
           SELECT id FROM jobs INDEXED BY jobs_over
           WHERE run = ? AND state = 'failed'
           ORDER BY id DESC LIMIT ?) j
         CROSS JOIN results f INDEXED BY results_failed ON f.job = j.id AND f.error_code IS NOT NULL
         GROUP BY f.error_code ORDER BY jobs DESC, f.error_code`,
      )
      .all(runSeq(db, runId), failuresRead);
    return codes.map((row) => ({
      code: text(row, 'error_code'),
      jobs: number(row, 'jobs'),
      example: messageOf(db, number(row, 'newest')),
    }));
  });
}

function messageOf(db: Database, job: number): string {
  const row = db.sql('SELECT error_message FROM results WHERE job = ?').get(job);
  return (row && optionalText(row, 'error_message')) ?? '';
}
