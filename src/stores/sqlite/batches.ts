import { hash } from 'node:crypto';
import type { Batch } from '../../batch.ts';
import { canMoveBatch } from '../../batch.ts';
import { OffpeakError } from '../../errors.ts';
import type {
  BatchChange,
  BatchDuration,
  BatchRequest,
  Lease,
  LeaseRequest,
  QuarantinedLine,
  Scope,
} from '../../store-rows.ts';
import { freesRoom, restsUntil, wakeWaiting } from './account-limits.ts';
import type { Database } from './database.ts';
import { addEvent } from './events.ts';
import { batchStateOf, jobStateOf, number, optionalNumber, type Row, text, toBatch } from './rows.ts';
import { RunDelta } from './runs.ts';
import { batchesInScope, longestPauseMs } from './scope.ts';

/** What `toBatch` needs. */
export const batchColumns =
  'b.*, r.id AS run_id, r.queue, r.simulated, l.provider, l.account, l.model, l.endpoint, l.primer';
export const batchJoins = 'JOIN runs r ON r.seq = b.run JOIN lanes l ON l.id = b.lane';
const selectBatch = `SELECT ${batchColumns} FROM batches b ${batchJoins}`;

/** Must equal the WHERE of the index `batches_open`, or SQLite does not use it. */
export const isOpen = "b.state NOT IN ('collected', 'failed', 'abandoned')";

/** The batch's row, if the lease is still good; a stale worker gets `conflict` and changes nothing. */
export function requireLease(db: Database, lease: Lease): Row {
  const row = db.sql('SELECT * FROM batches WHERE id = ?').get(lease.batchId);
  if (!row || number(row, 'generation') !== lease.generation) {
    throw new OffpeakError(`Batch ${lease.batchId} was taken over by another worker.`, { code: 'conflict' });
  }
  return row;
}

export function batchById(db: Database, id: number): Batch {
  const row = db.sql(`${selectBatch} WHERE b.id = ?`).get(id);
  if (!row) throw new OffpeakError(`There is no batch ${id} in ${db.path}.`, { code: 'not_found' });
  return toBatch(row);
}

export function openBatch(db: Database, lane: number, nonce: string, owner: LeaseRequest): Batch {
  return db.write(() => {
    const row = db
      .sql(
        `INSERT INTO batches (run, lane, state, nonce, generation, lease_owner, lease_until, created_at, next_at)
         SELECT run, id, 'packing', ?, 1, ?, ?, ?, ? FROM lanes WHERE id = ? RETURNING id, run`,
      )
      .get(nonce, owner.owner, owner.now + owner.leaseMs, owner.now, restsUntil(db, lane, owner.now), lane);
    if (!row) throw new OffpeakError(`There is no lane ${lane} in ${db.path}.`, { code: 'not_found' });
    addEvent(db, { at: owner.now, run: number(row, 'run'), batch: number(row, 'id'), type: 'batch_packing' });
    db.sql(
      `UPDATE lanes SET primer = ? WHERE id = ? AND primer IS NULL AND EXISTS (
         SELECT 1 FROM runs WHERE seq = lanes.run AND prime_cache = 1)`,
    ).run(number(row, 'id'), lane);
    return batchById(db, number(row, 'id'));
  });
}

/** Ended batches first, then polling, then what is to be sent. */
const urgency = `CASE b.state WHEN 'collecting' THEN 0 WHEN 'ended' THEN 1 WHEN 'in_progress' THEN 2 ELSE 3 END`;

export function claimBatch(db: Database, scope: Scope, owner: LeaseRequest): Batch | undefined {
  const { where, values } = batchesInScope(scope);
  // Looked up outside of the transaction: an idle worker takes no write lock.
  const find = () =>
    db
      .sql(
        `${selectBatch} WHERE ${isOpen} AND (b.next_at <= ? OR b.next_at > ?) AND b.lease_owner IS NULL AND ${where}
         ORDER BY ${urgency}, b.next_at, b.id LIMIT 1`,
      )
      .get(owner.now, owner.now + longestPauseMs, ...values);
  if (!db.read(find)) return undefined;
  return db.write(() => {
    const found = find();
    if (!found) return undefined;
    const id = number(found, 'id');
    db.sql('UPDATE batches SET lease_owner = ?, lease_until = ?, generation = generation + 1 WHERE id = ?').run(
      owner.owner,
      owner.now + owner.leaseMs,
      id,
    );
    return batchById(db, id);
  });
}

export function nextDue(db: Database, scope: Scope): number | undefined {
  const { where, values } = batchesInScope(scope);
  const row = db.read(() =>
    db
      .sql(
        `SELECT min(b.next_at) AS at FROM batches b JOIN runs r ON r.seq = b.run JOIN lanes l ON l.id = b.lane
         WHERE ${isOpen} AND b.lease_owner IS NULL AND ${where}`,
      )
      .get(...values),
  );
  return row ? optionalNumber(row, 'at') : undefined;
}

/** Property of a change and its column. */
const columns: readonly (readonly [keyof BatchChange, string])[] = [
  ['state', 'state'],
  ['nextAt', 'next_at'],
  ['tries', 'tries'],
  ['refusals', 'refusals'],
  ['notFound', 'not_found'],
  ['sha256', 'sha256'],
  ['remoteId', 'remote_id'],
  ['inputFileId', 'input_file_id'],
  ['rawStatus', 'raw_status'],
  ['absences', 'absences'],
  ['absentSince', 'absent_since'],
  ['errorCode', 'error_code'],
  ['errorMessage', 'error_message'],
  ['submittedAt', 'submitted_at'],
  ['endedAt', 'ended_at'],
  ['expiresAt', 'expires_at'],
];

const flags = [
  ['cancelRequested', 'cancel_requested'],
  ['hedged', 'hedged'],
] as const;

export function updateBatch(
  db: Database,
  lease: Lease,
  change: BatchChange,
  release: 'release' | undefined,
  now: number,
): Batch {
  return db.write(() => {
    const before = requireLease(db, lease);
    checkMove(before, change);
    const changed = columns.filter(([property]) => change[property] !== undefined);
    const values = changed.map(([property]) => scalar(change[property]));
    const sets = changed.map(([, column]) => `${column} = ?`);
    if (change.counts) {
      sets.push('remote_total = ?', 'remote_succeeded = ?', 'remote_failed = ?');
      values.push(change.counts.total, change.counts.succeeded, change.counts.failed);
    }
    for (const [flag, column] of flags) {
      if (change[flag] === undefined) continue;
      sets.push(`${column} = ?`);
      values.push(change[flag] ? 1 : 0);
    }
    if (release) sets.push('lease_owner = NULL', 'lease_until = NULL');
    if (sets.length > 0) {
      db.sql(`UPDATE batches SET ${sets.join(', ')} WHERE id = ?`).run(...values, lease.batchId);
    }
    if (change.state) {
      if (freesRoom(batchStateOf(before), change.state)) wakeWaiting(db, number(before, 'lane'));
      addEvent(db, {
        at: now,
        run: number(before, 'run'),
        batch: lease.batchId,
        type: `batch_${change.state}`,
        ...(change.errorMessage ? { detail: change.errorMessage } : {}),
      });
    }
    return batchById(db, lease.batchId);
  });
}

export function checkMove(before: Row, change: BatchChange): void {
  const from = batchStateOf(before);
  if (!change.state || change.state === from || canMoveBatch(from, change.state)) return;
  throw new OffpeakError(`Batch ${number(before, 'id')} cannot go from ${from} to ${change.state}.`, {
    code: 'internal',
  });
}

function scalar(value: BatchChange[keyof BatchChange]): string | number | null {
  // Times are whole milliseconds; a pause may have been reckoned in parts of one.
  if (typeof value === 'number') return Math.round(value);
  return typeof value === 'string' ? value : null;
}

export function readRequests(db: Database, batchId: number, afterJob: number, limit: number): BatchRequest[] {
  return db.read(() =>
    db
      .sql(
        `SELECT a.job, a.number, coalesce(c.body, p.body) AS body FROM attempts a JOIN payloads p ON p.job = a.job
           LEFT JOIN corrections c ON c.job = a.job
         WHERE a.batch = ? AND a.job > ? ORDER BY a.job LIMIT ?`,
      )
      .all(batchId, afterJob, limit)
      .map((row) => ({ job: number(row, 'job'), attempt: number(row, 'number'), body: text(row, 'body') })),
  );
}

/** Rows that one statement of `startJobs` moves; measured at about 1 us a row. */
const startRows = 2500;

export function startJobs(db: Database, lease: Lease, afterJob: number): number | undefined {
  return db.write(() => {
    const batch = requireLease(db, lease);
    const last = db
      .sql(`SELECT max(job) AS job FROM (SELECT job FROM attempts WHERE batch = ? AND job > ? ORDER BY job LIMIT ?)`)
      .get(lease.batchId, afterJob, startRows);
    const lastJob = last ? optionalNumber(last, 'job') : undefined;
    if (lastJob === undefined) return undefined;
    const { changes } = db
      .sql(
        `UPDATE jobs SET state = 'running' WHERE state = 'packed' AND batch = ?1
           AND id IN (SELECT job FROM attempts WHERE batch = ?1 AND job > ?2 AND job <= ?3)`,
      )
      .run(lease.batchId, afterJob, lastJob);
    const delta = new RunDelta();
    delta.move('packed', 'running', Number(changes));
    delta.write(db, number(batch, 'run'));
    return lastJob;
  });
}

/** Rows that one call of `hedgeJobs` looks at. */
const hedgeRows = 500;

export function hedgeJobs(db: Database, lease: Lease, afterJob: number): number | undefined {
  return db.write(() => {
    const batch = requireLease(db, lease);
    const open = db
      .sql(
        `SELECT a.job, j.state, j.batch FROM attempts a JOIN jobs j ON j.id = a.job
         WHERE a.batch = ? AND a.job > ? AND a.outcome IS NULL ORDER BY a.job LIMIT ?`,
      )
      .all(lease.batchId, afterJob, hedgeRows);
    const last = open.at(-1);
    if (!last) return undefined;
    const delta = new RunDelta();
    for (const row of open) {
      const state = jobStateOf(row);
      if (row.batch !== lease.batchId || (state !== 'packed' && state !== 'running')) continue;
      db.sql(
        `UPDATE jobs SET state = 'queued', available_at = 0, last_attempt = max(last_attempt, attempts + 1)
         WHERE id = ?`,
      ).run(number(row, 'job'));
      delta.move(state, 'queued');
    }
    delta.write(db, number(batch, 'run'));
    return number(last, 'job');
  });
}

/**
 * A stop is what was asked for, whatever came of it. One that the provider refused, or that came just before the end, hides
 * an end that was seen; and the minutes that a stop takes are counted. Both make batches look slower than they are, never
 * quicker: that costs the price of realtime, and no deadline.
 */
export function listDurations(db: Database, account: string, model: string, limit: number): BatchDuration[] {
  return db.read(() =>
    db
      .sql(
        `SELECT b.ended_at - b.submitted_at AS ms, b.cancel_requested FROM batches b JOIN lanes l ON l.id = b.lane
         WHERE l.account = ? AND l.model = ? AND b.ended_at > b.submitted_at ORDER BY b.id DESC LIMIT ?`,
      )
      .all(account, model, limit)
      .map((row) => ({ durationMs: number(row, 'ms'), wasStopped: number(row, 'cancel_requested') === 1 })),
  );
}

export function quarantine(db: Database, lease: Lease, lines: readonly QuarantinedLine[]): void {
  db.write(() => {
    requireLease(db, lease);
    // The results of a batch are read again after a crash: the same line counts once.
    const insert = db.sql(
      'INSERT OR IGNORE INTO quarantine (batch, custom_id, reason, hash, line) VALUES (?, ?, ?, ?, ?)',
    );
    let added = 0;
    for (const { customId, reason, line } of lines) {
      added += Number(insert.run(lease.batchId, customId ?? null, reason, hash('sha256', line), line).changes);
    }
    db.sql('UPDATE batches SET quarantined = quarantined + ? WHERE id = ?').run(added, lease.batchId);
  });
}

export function listBatches(db: Database, filter: { runId?: string; limit?: number; openOnly?: boolean }): Batch[] {
  const { runId, limit = -1 } = filter;
  // Few are open: a worker asks for them often.
  const index = filter.openOnly && runId === undefined ? 'INDEXED BY batches_open' : '';
  const where = [...(runId === undefined ? [] : ['r.id = ?']), ...(filter.openOnly ? [isOpen] : [])].join(' AND ');
  const from = `FROM batches b ${index} ${batchJoins} ${where && `WHERE ${where}`}`;
  return db.read(() =>
    db
      .sql(`SELECT ${batchColumns} ${from} ORDER BY b.id DESC LIMIT ?`)
      .all(...(runId === undefined ? [] : [runId]), limit)
      .map(toBatch),
  );
}
