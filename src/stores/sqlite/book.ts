import type { JobState } from '../../job.ts';
import { canMoveJob, isEnded } from '../../job.ts';
import type { AttemptPage, BookedRows, BookRow, Lease } from '../../store-rows.ts';
import { requireLease } from './batches.ts';
import type { Database } from './database.ts';
import { jobStateOf, number, optionalNumber, type Row } from './rows.ts';
import { deltaOf, endFlight, type RunDeltas } from './sharing.ts';
import { Spending } from './spending.ts';

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
      spending: new Spending(),
      booked: { succeeded: 0, retried: 0, failed: 0, cancelled: 0, duplicates: [], repeated: 0, unknown: [] },
    };
    for (const row of rows) bookRow(booking, row);
    for (const [run, delta] of booking.deltas) delta.write(db, run);
    booking.spending.write(db);
    return booking.booked;
  });
}

interface Booking {
  db: Database;
  lease: Lease | undefined;
  deltas: RunDeltas;
  spending: Spending;
  booked: BookedRows;
}

function bookRow(booking: Booking, row: BookRow): void {
  const { db, booked } = booking;
  const closed = closeAttempt(booking, row);
  if (!closed) {
    whyNot(booking, row);
    return;
  }
  const job = db.sql('SELECT run, lane, hash, state, attempts, last_attempt FROM jobs WHERE id = ?').get(row.job);
  if (!job) {
    booked.unknown.push(row);
    return;
  }
  const delta = deltaOf(booking.deltas, number(job, 'run'));
  delta.addUsage(row);
  const lane = optionalNumber(job, 'lane');
  if (lane !== undefined) booking.spending.add(row, lane, booking.lease === undefined);
  // What an attempt held of the budget is free again, unless it may be charged though nobody saw the answer.
  if (row.outcome !== 'lost' && !row.mayBeCharged) delta.reservedNano -= optionalNumber(closed, 'reserved_nano') ?? 0;
  const from = jobStateOf(job);
  const to = nextState(db, row, job);
  // An older attempt's end does not disturb the newer one that is under way; only a success is worth more.
  // One that was returned is gone; of a later one that is under way it says nothing.
  const isCurrent = number(job, 'attempts') === row.attempt - (row.outcome === 'returned' ? 1 : 0);
  // Of an ended job only a person asks for more; a paid late success is kept all the same.
  const mayMove = to === 'succeeded' || (isCurrent && !isEnded(from));
  if (to === from || !mayMove || !canMoveJob(from, to)) return;
  moveJob(db, row, to);
  delta.move(from, to);
  // It waited for another's answer, and a late one of its own has come.
  if (from === 'queued') db.sql('UPDATE jobs SET leader = NULL WHERE id = ? AND leader IS NOT NULL').run(row.job);
  if (isEnded(to)) endFlight(db, row.job, optionalNumber(job, 'hash'));
  if (to === 'succeeded') booked.succeeded += 1;
  else if (to === 'failed') booked.failed += 1;
  else if (to === 'cancelled') booked.cancelled += 1;
  else booked.retried += 1;
}

/** Writes the outcome on the attempt; undefined when it has one already or is not of this batch. */
function closeAttempt({ db, lease }: Booking, row: BookRow): Row | undefined {
  const batch = lease?.batchId ?? null;
  if (row.outcome === 'returned') {
    const removed = db
      .sql(
        'DELETE FROM attempts WHERE job = ? AND number = ? AND batch IS ? AND outcome IS NULL RETURNING reserved_nano',
      )
      .get(row.job, row.attempt, batch);
    if (removed) {
      db.sql('UPDATE jobs SET attempts = attempts - 1 WHERE id = ? AND attempts = ?').run(row.job, row.attempt);
    }
    return removed;
  }
  return db
    .sql(
      `UPDATE attempts SET outcome = ?, generation = ?, error_code = ?, error_message = ?, input_tokens = ?,
         output_tokens = ?, cached_tokens = ?, reasoning_tokens = ?, cache_write_tokens = ?, cost_nano = ?,
         ended_at = ?, lease_owner = NULL, lease_until = NULL
       WHERE job = ? AND number = ? AND batch IS ? AND (outcome IS NULL OR outcome = 'lost') RETURNING reserved_nano`,
    )
    .get(
      row.outcome,
      lease?.generation ?? null,
      row.errorCode ?? null,
      row.errorMessage ?? null,
      row.usage?.inputTokens ?? null,
      row.usage?.outputTokens ?? null,
      row.usage?.cachedTokens ?? null,
      row.usage?.reasoningTokens ?? null,
      cacheWrites(row),
      row.costNanoUsd ?? null,
      row.at,
      row.job,
      row.attempt,
      batch,
    );
}

function cacheWrites({ usage }: BookRow): number | null {
  const tokens = (usage?.cacheWriteTokens ?? 0) + (usage?.longCacheWriteTokens ?? 0);
  return tokens === 0 ? null : tokens;
}

function whyNot({ db, lease, booked }: Booking, row: BookRow): void {
  const attempt = db
    .sql('SELECT generation FROM attempts WHERE job = ? AND number = ? AND batch IS ?')
    .get(row.job, row.attempt, lease?.batchId ?? null);
  if (!attempt) booked.unknown.push(row);
  else if (lease && optionalNumber(attempt, 'generation') === lease.generation) booked.duplicates.push(row);
  else booked.repeated += 1;
}

function nextState(db: Database, row: BookRow, job: Row): JobState {
  if (row.next !== 'retry') return row.next;
  // A bad answer is asked to be mended once.
  if (row.correction !== undefined && db.sql('SELECT 1 FROM corrections WHERE job = ?').get(row.job)) return 'failed';
  return number(job, 'attempts') < number(job, 'last_attempt') ? 'queued' : 'failed';
}

function moveJob(db: Database, row: BookRow, to: JobState): void {
  db.sql('UPDATE jobs SET state = ?, available_at = ? WHERE id = ?').run(to, Math.ceil(row.availableAt ?? 0), row.job);
  if (to === 'queued') {
    if (row.correction !== undefined) correct(db, row.job, row.correction);
    return;
  }
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

/** The next attempt sends this instead; it is longer by what was added. */
function correct(db: Database, job: number, body: string): void {
  const bytes = Buffer.byteLength(body);
  db.sql('INSERT INTO corrections (job, body) VALUES (?, ?)').run(job, body);
  // Numbers are bound as floating point, whose quotient would not be whole.
  db.sql(
    `UPDATE jobs SET tokens = tokens + (CAST(?1 AS INTEGER) - bytes) / 4, max_input = max_input + ?1 - bytes, bytes = ?1
     WHERE id = ?2`,
  ).run(bytes, job);
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
