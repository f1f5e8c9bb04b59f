import type { Database } from './database.ts';
import { number, optionalText, type Row, text } from './rows.ts';

/** The sums that are kept so that nobody must add them up, against what they are sums of. */
export function checkSums(db: Database): string[] {
  return [...heldJobs(db), ...endedTotals(db)];
}

function heldJobs(db: Database): string[] {
  const counted = db
    .sql(
      `SELECT l.run, j.priority, count(*) AS jobs, sum(j.bytes) AS bytes
       FROM lanes l JOIN runs r ON r.seq = l.run AND r.state = 'open'
         JOIN jobs j ON j.lane = l.id AND j.state = 'queued' AND j.leader IS NULL
       WHERE l.held = 1 GROUP BY l.run, j.priority`,
    )
    .all();
  const kept = db.sql('SELECT * FROM held_jobs WHERE jobs <> 0 OR bytes <> 0').all();
  const words = (row: Row) =>
    `${number(row, 'jobs')} held jobs of ${number(row, 'bytes')} bytes of run ${number(row, 'run')}, priority ${number(row, 'priority')}`;
  return differences(kept.map(words), counted.map(words));
}

function endedTotals(db: Database): string[] {
  const runs = db
    .sql(
      `SELECT simulated, coalesce(queue, '') AS queue, provider, sum(succeeded) AS succeeded, sum(failed) AS failed,
         sum(cancelled) AS cancelled, sum(skipped) AS skipped, sum(cost_nano) AS cost_nano,
         sum(realtime_nano) AS realtime_nano
       FROM runs WHERE state = 'ended' GROUP BY 1, 2, 3`,
    )
    .all();
  const batches = db
    .sql(
      `SELECT r.simulated, coalesce(r.queue, '') AS queue, r.provider, count(b.submitted_at) AS batches_submitted,
         sum(b.state = 'collected') AS batches_completed, sum(b.state = 'failed') AS batches_failed
       FROM batches b JOIN runs r ON r.seq = b.run WHERE b.state IN ('collected', 'failed', 'abandoned')
       GROUP BY 1, 2, 3`,
    )
    .all();
  const kept = db.sql('SELECT * FROM ended_totals').all();
  return [
    ...differences(kept.map(runWords), runs.map(runWords)),
    ...differences(kept.map(batchWords), batches.map(batchWords)),
  ];
}

function queueOf(row: Row): string {
  const side = number(row, 'simulated') === 1 ? ' (simulated)' : '';
  return `${optionalText(row, 'queue') || 'no queue'} at ${text(row, 'provider')}${side}`;
}

function runWords(row: Row): string {
  const jobs = `${number(row, 'succeeded')} succeeded, ${number(row, 'failed')} failed, ${number(row, 'cancelled')} cancelled`;
  const money = `cost ${number(row, 'cost_nano')}, realtime price ${number(row, 'realtime_nano')}`;
  return `ended runs of ${queueOf(row)}: ${jobs}, ${number(row, 'skipped')} skipped jobs, ${money}`;
}

function batchWords(row: Row): string {
  const ended = `${number(row, 'batches_completed')} completed, ${number(row, 'batches_failed')} failed`;
  return `batches of ${queueOf(row)} that are over: ${number(row, 'batches_submitted')} submitted, ${ended}`;
}

/** Sums of nothing need not be there. */
function differences(kept: readonly string[], counted: readonly string[]): string[] {
  const isNothing = (words: string) => !/[1-9]/.test(words.replace(/^.*: /, ''));
  const more = kept.filter((words) => !counted.includes(words) && !isNothing(words));
  const less = counted.filter((words) => !kept.includes(words) && !isNothing(words));
  return [
    ...more.map((words) => `the store says: ${words}; that is not so`),
    ...less.map((words) => `the store does not say: ${words}`),
  ];
}
