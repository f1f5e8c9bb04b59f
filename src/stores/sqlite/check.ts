import { jobStates } from '../../job.ts';
import type { Database } from './database.ts';
import { number, text } from './rows.ts';
import { firstJobId, lastJobId } from './runs.ts';

/** The sums that must hold between the tables; each violation is a sentence. */
export function checkStore(db: Database): string[] {
  return db.read(() => [
    ...integrity(db),
    ...runCounts(db),
    ...unfinishedInEndedRuns(db),
    ...strayJobs(db),
    ...openAttemptsOfEndedBatches(db),
  ]);
}

/** SQLite's own check of the file. */
export function integrity(db: Database): string[] {
  const rows = db.sql('PRAGMA quick_check(5)').all();
  return rows.map((row) => String(Object.values(row)[0])).filter((words) => words !== 'ok');
}

function runCounts(db: Database): string[] {
  const violations: string[] = [];
  for (const run of db.sql('SELECT * FROM runs').all()) {
    const counted = new Map(
      db
        .sql('SELECT state, count(*) AS jobs FROM jobs WHERE id BETWEEN ? AND ? GROUP BY state')
        .all(firstJobId(number(run, 'seq')), lastJobId(number(run, 'seq')))
        .map((row) => [text(row, 'state'), number(row, 'jobs')]),
    );
    for (const state of jobStates) {
      const jobs = counted.get(state) ?? 0;
      if (jobs !== number(run, state)) {
        violations.push(`run ${text(run, 'id')} says ${number(run, state)} ${state} jobs, there are ${jobs}`);
      }
    }
  }
  return violations;
}

function unfinishedInEndedRuns(db: Database): string[] {
  return db
    .sql("SELECT id FROM runs WHERE state = 'ended' AND queued + packed + running > 0 LIMIT 5")
    .all()
    .map((row) => `run ${text(row, 'id')} has ended with unfinished jobs; \`offpeak resume\` goes on with them`);
}

function strayJobs(db: Database): string[] {
  return db
    .sql(
      `SELECT j.id, j.state, b.state AS batch_state FROM jobs j LEFT JOIN batches b ON b.id = j.batch
       WHERE j.state = 'packed' AND (b.id IS NULL OR b.state IN ('collected', 'failed', 'abandoned')) LIMIT 5`,
    )
    .all()
    .map((row) => `job ${number(row, 'id')} is packed in a batch that is ${row.batch_state ?? 'not there'}`);
}

function openAttemptsOfEndedBatches(db: Database): string[] {
  return db
    .sql(
      `SELECT b.id, count(*) AS open FROM batches b JOIN attempts a ON a.batch = b.id AND a.outcome IS NULL
       WHERE b.state IN ('collected', 'failed', 'abandoned') GROUP BY b.id LIMIT 5`,
    )
    .all()
    .map((row) => `batch ${number(row, 'id')} is over, but ${number(row, 'open')} of its rows are not accounted for`);
}
