import { jobStates } from '../../job.ts';
import { checkSums } from './check-sums.ts';
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
    ...strayFollowers(db),
    ...lostAnswers(db),
    ...reservations(db),
    ...openAttemptsOfEndedBatches(db),
    ...checkSums(db),
  ]);
}

/** SQLite's own check of the file, or of one table; some damages stop the check itself. */
export function integrity(db: Database, table?: string): string[] {
  const rows = db.read(() => db.sql(`PRAGMA quick_check(${table === undefined ? 5 : `'${table}'`})`).all());
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

function strayFollowers(db: Database): string[] {
  return db
    .sql(
      `SELECT f.id, f.state, f.leader, l.state AS leader_state FROM jobs f JOIN jobs l ON l.id = f.leader
       WHERE f.leader IS NOT NULL AND (f.state <> 'queued' OR (f.leader NOT IN (SELECT job FROM landed)
         AND l.state IN ('succeeded', 'failed', 'cancelled', 'skipped'))) LIMIT 5`,
    )
    .all()
    .map((row) => {
      const words = `job ${number(row, 'id')}, ${text(row, 'state')}, waits for the answer of job ${number(row, 'leader')}`;
      return `${words}, which is ${text(row, 'leader_state')}`;
    });
}

/** What was paid for is found by whoever asks the same; imported answers have no request, reused ones are found by theirs. */
function lostAnswers(db: Database): string[] {
  return db
    .sql(
      `SELECT j.id FROM jobs j WHERE j.state = 'succeeded' AND j.hash IS NOT NULL AND j.lane IS NOT NULL
         AND j.reused_from IS NULL
         AND NOT EXISTS (SELECT 1 FROM shared_requests s WHERE s.hash = j.hash AND s.job = j.id) LIMIT 5`,
    )
    .all()
    .map(
      (row) => `job ${number(row, 'id')} has an answer that nobody finds who asks the same: it would be paid for again`,
    );
}

/** What is under way is held of the budget at least; attempts that may have been charged hold theirs for good. */
function reservations(db: Database): string[] {
  return db
    .sql(
      `SELECT r.id, r.reserved_nano, coalesce(sum(a.reserved_nano), 0) AS held
       FROM runs r LEFT JOIN attempts a ON a.job BETWEEN r.seq * ?1 AND (r.seq + 1) * ?1 - 1 AND a.outcome IS NULL
       WHERE r.budget_nano IS NOT NULL GROUP BY r.seq
       HAVING r.reserved_nano < coalesce(sum(a.reserved_nano), 0) LIMIT 5`,
    )
    .all(lastJobId(0) + 1)
    .map((row) => {
      const words = `run ${text(row, 'id')} holds ${number(row, 'reserved_nano')} nano-dollars of its budget`;
      return `${words} for attempts that may cost ${number(row, 'held')}`;
    });
}
