import type { JobState } from '../../job.ts';
import { canMoveJob, isEnded } from '../../job.ts';
import type { AttemptPage, BookedRows, BookRow, Lease } from '../../store-rows.ts';
import { type AttemptFacts, factsKey, type JobFacts, readFacts } from './attempt-facts.ts';
import { BatchSums } from './batch-sums.ts';
import { requireLease } from './batches.ts';
import type { Database } from './database.ts';
import { number } from './rows.ts';
import { areFollowed, deltaOf, endFlight, land, lead, type RunDeltas } from './sharing.ts';
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
      facts: readFacts(db, rows),
      deltas: new Map(),
      spending: new Spending(),
      sums: new BatchSums(),
      isFollowed: isAnyFollowed(db, rows),
      booked: { succeeded: 0, retried: 0, failed: 0, cancelled: 0, duplicates: [], repeated: 0, unknown: [] },
    };
    for (const row of rows) bookRow(booking, row);
    for (const [run, delta] of booking.deltas) delta.write(db, run);
    booking.spending.write(db);
    if (lease) booking.sums.write(db, lease.batchId);
    return booking.booked;
  });
}

function isAnyFollowed(db: Database, rows: readonly BookRow[]): boolean {
  const jobs = rows.map(({ job }) => job);
  return jobs.length > 0 && areFollowed(db, Math.min(...jobs), Math.max(...jobs));
}

interface Booking {
  db: Database;
  lease: Lease | undefined;
  facts: Map<string, AttemptFacts>;
  deltas: RunDeltas;
  spending: Spending;
  sums: BatchSums;
  /** Whether any of the jobs may be followed: if not, none is looked up. */
  isFollowed: boolean;
  booked: BookedRows;
}

function bookRow(booking: Booking, row: BookRow): void {
  const { lease, booked, facts } = booking;
  const attempt = facts.get(factsKey(row.job, row.attempt));
  if (!attempt || attempt.batch !== lease?.batchId) {
    booked.unknown.push(row);
    return;
  }
  if (!mayClose(attempt, row, lease)) {
    if (lease && attempt.generation === lease.generation) booked.duplicates.push(row);
    else booked.repeated += 1;
    return;
  }
  addMoney(booking, row, attempt);
  closeAttempt(booking, row, attempt);
  settle(booking, row, attempt.job);
}

/**
 * No end yet, or one that gives way: a call that was taken for lost; a row's failure, when the results have the answer as
 * well (the first success wins), be it in a later reading: a worker may end between the two lines. No provider charges for
 * such a failure, so no money is taken back.
 */
function mayClose({ outcome, hasUsage }: AttemptFacts, row: BookRow, lease: Lease | undefined): boolean {
  if (outcome === undefined) return true;
  if (row.outcome === 'returned') return false;
  if (outcome === 'lost') return true;
  return lease !== undefined && outcome !== 'succeeded' && !hasUsage && row.outcome === 'succeeded';
}

function addMoney(booking: Booking, row: BookRow, attempt: AttemptFacts): void {
  const { job, outcome } = attempt;
  const delta = deltaOf(booking.deltas, job.run);
  delta.addUsage(row);
  if (job.lane !== undefined) booking.spending.add(row, job.lane, booking.lease === undefined);
  if (outcome !== undefined) booking.sums.takeFailureBack();
  booking.sums.add(row);
  // What an attempt held of the budget is free again, unless it may be charged though nobody saw the answer.
  if (row.outcome === 'lost' || row.mayBeCharged || attempt.reservedNano === 0) return;
  delta.reservedNano -= attempt.reservedNano;
  attempt.reservedNano = 0;
  booking.db.sql('UPDATE attempts SET reserved_nano = NULL WHERE job = ? AND number = ?').run(row.job, row.attempt);
}

/** What becomes of the job. */
function settle(booking: Booking, row: BookRow, job: JobFacts): void {
  const { db, booked } = booking;
  const from = job.state;
  const to = nextState(db, row, job);
  // An older attempt's end does not disturb the newer one that is under way; only a success is worth more.
  // One that was returned is gone; of a later one that is under way it says nothing.
  const isCurrent = job.attempts === row.attempt - (row.outcome === 'returned' ? 1 : 0);
  // Of an ended job only a person asks for more; a paid late success is kept all the same.
  const mayMove = to === 'succeeded' || (isCurrent && !isEnded(from));
  if (to === from || !mayMove || !canMoveJob(from, to)) return;
  moveJob(db, row, to);
  job.state = to;
  deltaOf(booking.deltas, job.run).move(from, to);
  // It waited for another's answer, and a late one of its own has come.
  if (from === 'queued') db.sql('UPDATE jobs SET leader = NULL WHERE id = ? AND leader IS NOT NULL').run(row.job);
  endRequest(booking, row, from, to, job.hash);
  if (to === 'succeeded') booked.succeeded += 1;
  else if (to === 'failed') booked.failed += 1;
  else if (to === 'cancelled') booked.cancelled += 1;
  else booked.retried += 1;
}

/** An answer is shared from now on; a request without one is under way no more. */
function endRequest({ db, isFollowed }: Booking, row: BookRow, from: JobState, to: JobState, hash?: number): void {
  if (to === 'succeeded') {
    // Shared since it was claimed; a late one may have been given up meanwhile.
    if (from !== 'packed' && from !== 'running') lead(db, row.job, hash ?? null);
    if (isFollowed) land(db, row.job);
  } else if (isEnded(to)) endFlight(db, row.job, hash);
}

/** Writes the outcome on the attempt. Without RETURNING and the lease's columns, which would double its cost (3.7 us). */
function closeAttempt({ db, lease }: Booking, row: BookRow, attempt: AttemptFacts): void {
  if (row.outcome === 'returned') {
    db.sql('DELETE FROM attempts WHERE job = ? AND number = ?').run(row.job, row.attempt);
    const { changes } = db
      .sql('UPDATE jobs SET attempts = attempts - 1 WHERE id = ? AND attempts = ?')
      .run(row.job, row.attempt);
    attempt.job.attempts -= Number(changes);
    attempt.batch = undefined;
    return;
  }
  db.sql(
    `UPDATE attempts SET outcome = ?, generation = ?, error_code = ?, error_message = ?, input_tokens = ?,
       output_tokens = ?, cached_tokens = ?, reasoning_tokens = ?, cache_write_tokens = ?, cost_nano = ?,
       ended_at = ?${lease ? '' : ', lease_owner = NULL, lease_until = NULL'}
     WHERE job = ? AND number = ?`,
  ).run(
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
  );
  attempt.outcome = row.outcome;
  attempt.generation = lease?.generation;
  attempt.hasUsage = row.usage !== undefined;
}

function cacheWrites({ usage }: BookRow): number | null {
  const tokens = (usage?.cacheWriteTokens ?? 0) + (usage?.longCacheWriteTokens ?? 0);
  return tokens === 0 ? null : tokens;
}

function nextState(db: Database, row: BookRow, job: JobFacts): JobState {
  if (row.next !== 'retry') return row.next;
  // A bad answer is asked to be mended once.
  if (row.correction !== undefined && db.sql('SELECT 1 FROM corrections WHERE job = ?').get(row.job)) return 'failed';
  return job.attempts < job.lastAttempt ? 'queued' : 'failed';
}

function moveJob(db: Database, row: BookRow, to: JobState): void {
  db.sql('UPDATE jobs SET state = ?, available_at = ? WHERE id = ?').run(to, Math.ceil(row.availableAt ?? 0), row.job);
  if (to === 'queued') {
    if (row.correction !== undefined) correct(db, row.job, row.correction);
    return;
  }
  db.sql(
    `INSERT OR REPLACE INTO results (job, output, response, finish_reason, error_code, error_message)
     VALUES (?, ?, ?, ?, ?, ?)`,
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
        `SELECT job, number FROM attempts WHERE batch = ? AND job > ? AND job <= ?
           ${page.openOnly ? 'AND outcome IS NULL' : ''} ORDER BY job LIMIT ? OFFSET ?`,
      )
      .all(batchId, page.afterJob, page.untilJob ?? Number.MAX_SAFE_INTEGER, page.limit, page.skip ?? 0)
      .map((row) => ({ job: number(row, 'job'), attempt: number(row, 'number') })),
  );
}
