import type { JobState } from '../../job.ts';
import { canMoveJob, isEnded } from '../../job.ts';
import type { AttemptPage, BookedRows, BookRow, Lease } from '../../store.ts';
import { requireLease } from './batches.ts';
import type { Database } from './database.ts';
import { jobStateOf, number, optionalNumber, type Row } from './rows.ts';
import { RunDelta } from './runs.ts';

/**
 * Books attempts: the outcome and its cost on the attempt, the state and the result on the job, the sums on the run, all
 * in one transaction. Booking the same row again changes nothing, so results may be read any number of times.
 */
export function book(db: Database, rows: readonly BookRow[], lease: Lease | undefined): BookedRows {
  return db.write(() => {
    if (lease) requireLease(db, lease);
    const booking: Booking = {
      db,
      lease,
      deltas: new Map(),
      booked: { succeeded: 0, retried: 0, failed: 0, cancelled: 0, duplicates: [], repeated: 0, unknown: [] },
    };
    for (const row of rows) bookRow(booking, row);
    for (const [run, delta] of booking.deltas) delta.write(db, run);
    return booking.booked;
  });
}

interface Booking {
  db: Database;
  lease: Lease | undefined;
  deltas: Map<number, RunDelta>;
  booked: BookedRows;
}

function bookRow(booking: Booking, row: BookRow): void {
  const { db, booked } = booking;
  if (!closeAttempt(booking, row)) {
    whyNot(booking, row);
    return;
  }
  const job = db.sql('SELECT run, state, attempts, last_attempt FROM jobs WHERE id = ?').get(row.job);
  if (!job) {
    booked.unknown.push(row);
    return;
  }
  const delta = deltaOf(booking, number(job, 'run'));
  addMoney(delta, row);
  const from = jobStateOf(job);
  const to = nextState(row, job);
  // An older attempt's end does not disturb the newer one that is under way; only a success is worth more.
  const isCurrent = number(job, 'attempts') === row.attempt || row.outcome === 'returned';
  // Of an ended job only a person asks for more; a paid late success is kept all the same.
  const mayMove = to === 'succeeded' || (isCurrent && !isEnded(from));
  if (to === from || !mayMove || !canMoveJob(from, to)) return;
  moveJob(db, row, to);
  delta.move(from, to);
  if (to === 'succeeded') booked.succeeded += 1;
  else if (to === 'failed') booked.failed += 1;
  else if (to === 'cancelled') booked.cancelled += 1;
  else booked.retried += 1;
}

/** Writes the outcome on the attempt; false when it has one already or is not of this batch. */
function closeAttempt({ db, lease }: Booking, row: BookRow): boolean {
  const batch = lease?.batchId ?? null;
  if (row.outcome === 'returned') {
    const { changes } = db
      .sql('DELETE FROM attempts WHERE job = ? AND number = ? AND batch IS ? AND outcome IS NULL')
      .run(row.job, row.attempt, batch);
    if (Number(changes) === 1) {
      db.sql('UPDATE jobs SET attempts = attempts - 1 WHERE id = ? AND attempts = ?').run(row.job, row.attempt);
    }
    return Number(changes) === 1;
  }
  const { changes } = db
    .sql(
      `UPDATE attempts SET outcome = ?, generation = ?, error_code = ?, error_message = ?, input_tokens = ?,
         output_tokens = ?, cached_tokens = ?, reasoning_tokens = ?, cost_nano = ?, ended_at = ?,
         lease_owner = NULL, lease_until = NULL
       WHERE job = ? AND number = ? AND batch IS ? AND (outcome IS NULL OR outcome = 'lost')`,
    )
    .run(
      row.outcome,
      lease?.generation ?? null,
      row.errorCode ?? null,
      row.errorMessage ?? null,
      row.usage?.inputTokens ?? null,
      row.usage?.outputTokens ?? null,
      row.usage?.cachedTokens ?? null,
      row.usage?.reasoningTokens ?? null,
      row.costNanoUsd ?? null,
      row.at,
      row.job,
      row.attempt,
      batch,
    );
  return Number(changes) === 1;
}

function whyNot({ db, lease, booked }: Booking, row: BookRow): void {
  const attempt = db
    .sql('SELECT generation FROM attempts WHERE job = ? AND number = ? AND batch IS ?')
    .get(row.job, row.attempt, lease?.batchId ?? null);
  if (!attempt) booked.unknown.push(row);
  else if (lease && optionalNumber(attempt, 'generation') === lease.generation) booked.duplicates.push(row);
  else booked.repeated += 1;
}

function nextState(row: BookRow, job: Row): JobState {
  if (row.next !== 'retry') return row.next;
  return number(job, 'attempts') < number(job, 'last_attempt') ? 'queued' : 'failed';
}

function moveJob(db: Database, row: BookRow, to: JobState): void {
  db.sql('UPDATE jobs SET state = ?, available_at = ? WHERE id = ?').run(to, Math.ceil(row.availableAt ?? 0), row.job);
  if (to === 'queued') return;
  db.sql(
    `INSERT INTO results (job, output, response, finish_reason, error_code, error_message)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
     ON CONFLICT (job) DO UPDATE SET output = ?2, response = ?3, finish_reason = ?4, error_code = ?5,
       error_message = ?6`,
  ).run(
    row.job,
    to === 'succeeded' ? (row.output ?? '') : null,
    row.response ?? null,
    row.finishReason ?? null,
    to === 'succeeded' ? null : (row.errorCode ?? row.outcome),
    to === 'succeeded' ? null : (row.errorMessage ?? row.outcome),
  );
}

function deltaOf(booking: Booking, run: number): RunDelta {
  let delta = booking.deltas.get(run);
  if (!delta) {
    delta = new RunDelta();
    booking.deltas.set(run, delta);
  }
  return delta;
}

function addMoney(delta: RunDelta, row: BookRow): void {
  if (!row.usage) return;
  delta.inputTokens += row.usage.inputTokens;
  delta.outputTokens += row.usage.outputTokens;
  if (row.costNanoUsd === undefined) delta.unpriced += 1;
  else delta.costNano += row.costNanoUsd;
  delta.realtimeNano += row.realtimeNanoUsd ?? 0;
}

/** Attempts of a batch in job order, which is the order of the lines that were sent. */
export function readAttempts(db: Database, batchId: number, page: AttemptPage): { job: number; attempt: number }[] {
  return db.read(() =>
    db
      .sql(
        `SELECT job, number FROM attempts WHERE batch = ? AND job > ? ${page.openOnly ? 'AND outcome IS NULL' : ''}
         ORDER BY job LIMIT ? OFFSET ?`,
      )
      .all(batchId, page.afterJob, page.limit, page.skip ?? 0)
      .map((row) => ({ job: number(row, 'job'), attempt: number(row, 'number') })),
  );
}
