import {
  type Delivery,
  type DeliveryAttempt,
  type DeliveryLease,
  type DeliveryState,
  deliveryStates,
} from '../../service-store.ts';
import { chunkRows } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { getCursor, insertDelivery, setCursor } from './outbox.ts';
import { defined, number, oneOf, optionalNumber, optionalText, type Row, text } from './rows.ts';

/** What is to be told to others, and how that went. */

/** How far the results were read. */
const cursor = 'deliveries';

export function planDeliveries(db: Database, now: number): number {
  const next = () => resultsAfter(db, getCursor(db, cursor) ?? 0);
  // Looked up outside of the transaction: while nothing comes, no write lock is taken.
  if (db.read(next).length === 0) return 0;
  return db.write(() => {
    const results = next();
    for (const row of results) {
      const url = optionalText(row, 'callback_url');
      const job = number(row, 'job');
      // The body is made when it is sent: one that waits tells the newest result as well.
      if (url === undefined || isPlanned(db, job)) continue;
      insertDelivery(db, { event: 'job.ended', url, job }, now);
    }
    const last = results.at(-1);
    if (last) setCursor(db, cursor, number(last, 'id'));
    return results.length;
  });
}

function resultsAfter(db: Database, position: number): Row[] {
  return db
    .sql(
      `SELECT r.id, r.job, q.callback_url FROM results r LEFT JOIN queued_jobs q ON q.job = r.job
       WHERE r.id > ? ORDER BY r.id LIMIT ?`,
    )
    .all(position, chunkRows);
}

function isPlanned(db: Database, job: number): boolean {
  const waiting = db
    .sql(
      `SELECT 1 FROM deliveries
       WHERE job = ? AND event = 'job.ended' AND state = 'pending' AND lease_owner IS NULL LIMIT 1`,
    )
    .get(job);
  return waiting !== undefined;
}

export function claimDeliveries(db: Database, owner: string, now: number, until: number, limit: number): Delivery[] {
  const due = (columns: string) =>
    db.sql(
      `SELECT ${columns} FROM deliveries INDEXED BY deliveries_due
     WHERE state = 'pending' AND next_at <= ?1 AND (lease_owner IS NULL OR lease_until <= ?1)
     ORDER BY next_at, id LIMIT ?2`,
    );
  // Looked up outside of the transaction: an idle process takes no write lock.
  if (!db.read(() => due('1').get(now, 1))) return [];
  return db.write(() => {
    const claim = db.sql('UPDATE deliveries SET lease_owner = ?, lease_until = ? WHERE id = ?');
    const rows = due('*').all(now, Math.min(limit, chunkRows));
    for (const row of rows) claim.run(owner, until, number(row, 'id'));
    return rows.map(toDelivery);
  });
}

/** Every attempt is on record, a stalled process's too; but it moves nothing of what is another's, save by a success. */
export function bookDelivery(
  db: Database,
  id: number,
  { owner, until }: DeliveryLease,
  attempt: DeliveryAttempt,
  outcome: DeliveryState,
  nextAt: number | undefined,
): boolean {
  return db.write(() => {
    db.sql(
      `INSERT INTO delivery_attempts (delivery, number, at, duration_ms, status, error)
       SELECT id, 1 + (SELECT count(*) FROM delivery_attempts WHERE delivery = id), ?, ?, ?, ?
       FROM deliveries WHERE id = ?`,
    ).run(attempt.at, Math.round(attempt.durationMs), attempt.status ?? null, attempt.error ?? null, id);
    db.sql('UPDATE deliveries SET attempts = attempts + 1, last_status = ?, last_error = ? WHERE id = ?').run(
      attempt.status ?? null,
      attempt.error ?? null,
      id,
    );
    // The time of a delivery that was asked for again does not begin with an attempt from before.
    const { changes } = db
      .sql(
        `UPDATE deliveries SET state = ?1, next_at = ?2, first_at = coalesce(first_at, ?3),
           lease_owner = NULL, lease_until = NULL
         WHERE id = ?4 AND ((state = 'pending' AND lease_owner = ?5 AND lease_until = ?6)
           OR (state <> 'delivered' AND ?1 = 'delivered'))`,
      )
      .run(
        outcome,
        outcome === 'pending' && nextAt !== undefined ? Math.ceil(nextAt) : null,
        attempt.at,
        id,
        owner,
        until,
      );
    return changes === 1;
  });
}

export function listDeliveries(
  db: Database,
  filter: { state?: DeliveryState; job?: number; before?: number; limit: number },
): Delivery[] {
  const { state, job, before, limit } = filter;
  const conditions: (readonly [string, string | number | undefined])[] = [
    ['state = ?', state],
    ['job = ?', job],
    ['id < ?', before],
  ];
  const used = conditions.filter(([, value]) => value !== undefined);
  const where = used.map(([sql]) => sql).join(' AND ');
  const values = used.flatMap(([, value]) => value ?? []);
  return db.read(() =>
    db
      .sql(`SELECT * FROM deliveries ${where && `WHERE ${where}`} ORDER BY id DESC LIMIT ?`)
      .all(...values, limit)
      .map(toDelivery),
  );
}

export function getDelivery(db: Database, id: number): { delivery: Delivery; attempts: DeliveryAttempt[] } | undefined {
  return db.read(() => {
    const row = db.sql('SELECT * FROM deliveries WHERE id = ?').get(id);
    if (!row) return undefined;
    const attempts = db.sql('SELECT * FROM delivery_attempts WHERE delivery = ? ORDER BY number').all(id);
    return { delivery: toDelivery(row), attempts: attempts.map(toAttempt) };
  });
}

export function redeliver(db: Database, id: number, now: number): boolean {
  return db.write(() => {
    const { changes } = db
      // An attempt under way would else book over it, and it would be due when that says, or never.
      .sql(
        `UPDATE deliveries SET state = 'pending', next_at = ?, first_at = NULL, lease_owner = NULL, lease_until = NULL
         WHERE id = ?`,
      )
      .run(now, id);
    return changes === 1;
  });
}

function toDelivery(row: Row): Delivery {
  const state: DeliveryState = oneOf(row, 'state', deliveryStates);
  return {
    id: number(row, 'id'),
    event: text(row, 'event'),
    url: text(row, 'url'),
    state,
    attempts: number(row, 'attempts'),
    createdAt: number(row, 'created_at'),
    ...defined('body', optionalText(row, 'body')),
    ...defined('job', optionalNumber(row, 'job')),
    ...defined('runId', optionalText(row, 'run')),
    ...defined('nextAt', optionalNumber(row, 'next_at')),
    ...defined('firstAt', optionalNumber(row, 'first_at')),
    ...defined('lastStatus', optionalNumber(row, 'last_status')),
    ...defined('lastError', optionalText(row, 'last_error')),
  };
}

function toAttempt(row: Row): DeliveryAttempt {
  return {
    at: number(row, 'at'),
    durationMs: number(row, 'duration_ms'),
    ...defined('status', optionalNumber(row, 'status')),
    ...defined('error', optionalText(row, 'error')),
  };
}
