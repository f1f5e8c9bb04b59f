import { processOf } from '../../owner.ts';
import type { Database } from './database.ts';
import { number, optionalNumber, text } from './rows.ts';
import { deltaOf, endFlight, type RunDeltas } from './sharing.ts';

export function renewLeases(db: Database, owner: string, until: number): void {
  db.write(() => {
    db.sql('UPDATE batches SET lease_until = ? WHERE lease_owner = ?').run(until, owner);
    db.sql('UPDATE attempts SET lease_until = ? WHERE lease_owner = ?').run(until, owner);
  });
}

/** Everybody who holds a lease or has not closed the store properly. */
export function listOwners(db: Database): string[] {
  return db.read(() =>
    db
      .sql(
        `SELECT lease_owner AS owner FROM batches WHERE lease_owner IS NOT NULL
         UNION SELECT lease_owner FROM attempts WHERE lease_owner IS NOT NULL
         UNION SELECT owner FROM sessions`,
      )
      .all()
      .map((row) => text(row, 'owner')),
  );
}

/**
 * Frees what an owner held, and with a process what its workers did. A new claim raises the generation, so a stalled owner
 * that wakes up writes nothing.
 */
export function releaseOwner(db: Database, owner: string, now: number): void {
  db.write(() => {
    for (const holder of [owner, ...workersOf(db, owner)]) releaseHolder(db, holder, now);
    db.sql('UPDATE deliveries SET lease_owner = NULL, lease_until = NULL WHERE lease_owner = ?').run(owner);
    db.sql('DELETE FROM duties WHERE owner = ?').run(owner);
    db.sql('DELETE FROM sessions WHERE owner = ?').run(owner);
  });
}

function workersOf(db: Database, process: string): string[] {
  return listOwners(db).filter((owner) => owner !== process && processOf(owner) === process);
}

function releaseHolder(db: Database, holder: string, now: number): void {
  db.sql('UPDATE batches SET lease_owner = NULL, lease_until = NULL WHERE lease_owner = ?').run(holder);
  loseCalls(db, 'lease_owner = ?', holder, now);
}

/** Frees what nobody renewed in time. */
export function releaseLapsed(db: Database, now: number): number {
  const lapsed = db.read(
    () =>
      db.sql('SELECT 1 FROM batches WHERE lease_owner IS NOT NULL AND lease_until < ?').get(now) ??
      db.sql('SELECT 1 FROM attempts WHERE lease_owner IS NOT NULL AND lease_until < ?').get(now),
  );
  if (!lapsed) return 0;
  return db.write(() => {
    const { changes } = db
      .sql(
        'UPDATE batches SET lease_owner = NULL, lease_until = NULL WHERE lease_owner IS NOT NULL AND lease_until < ?',
      )
      .run(now);
    return Number(changes) + loseCalls(db, 'lease_until < ?', now, now);
  });
}

/**
 * Realtime calls whose worker is gone: the answer, if there was one, is lost, and a provider gives no way to ask for it
 * again. The attempt is booked as lost, and counts: a request that kills its worker every time must come to an end.
 */
function loseCalls(db: Database, which: string, value: string | number, now: number): number {
  const rows = db
    .sql(
      `SELECT a.job, a.number, j.run, j.hash, j.state, j.attempts, j.last_attempt FROM attempts a JOIN jobs j ON j.id = a.job
       WHERE a.lease_owner IS NOT NULL AND a.${which}`,
    )
    .all(value);
  const deltas: RunDeltas = new Map();
  for (const row of rows) {
    const job = number(row, 'job');
    db.sql(
      `UPDATE attempts SET outcome = 'lost', ended_at = ?, lease_owner = NULL, lease_until = NULL
       WHERE job = ? AND number = ?`,
    ).run(now, job, number(row, 'number'));
    if (row.state !== 'running' || row.attempts !== row.number) continue;
    const to = number(row, 'attempts') < number(row, 'last_attempt') ? 'queued' : 'failed';
    db.sql('UPDATE jobs SET state = ? WHERE id = ?').run(to, job);
    if (to === 'failed') {
      db.sql(
        `INSERT INTO results (job, error_code, error_message)
         VALUES (?, 'lost', 'the process ended during each attempt') ON CONFLICT (job) DO NOTHING`,
      ).run(job);
      endFlight(db, job, optionalNumber(row, 'hash'));
    }
    deltaOf(deltas, number(row, 'run')).move('running', to);
  }
  for (const [run, delta] of deltas) delta.write(db, run);
  return rows.length;
}
