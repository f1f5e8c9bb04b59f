import type { CursorMove, DeliveryLease, NewDelivery } from '../../service-store.ts';
import type { Database } from './database.ts';
import { number } from './rows.ts';

/** Deliveries that are planned from a feed, with the place up to which the feed was read. */

export function getCursor(db: Database, name: string): number | undefined {
  const row = db.read(() => db.sql('SELECT position FROM cursors WHERE name = ?').get(name));
  return row ? number(row, 'position') : undefined;
}

export function planFrom(
  db: Database,
  { name, from, to }: CursorMove,
  deliveries: readonly NewDelivery[],
  now: number,
): boolean {
  return db.write(() => {
    const { changes } =
      from === undefined
        ? db.sql('INSERT INTO cursors (name, position) VALUES (?, ?) ON CONFLICT (name) DO NOTHING').run(name, to)
        : db.sql('UPDATE cursors SET position = ? WHERE name = ? AND position = ?').run(to, name, from);
    if (Number(changes) === 0) return false;
    for (const delivery of deliveries) insertDelivery(db, delivery, now);
    return true;
  });
}

/** Moves a cursor inside a transaction. */
export function setCursor(db: Database, name: string, position: number): void {
  db.sql('INSERT OR REPLACE INTO cursors (name, position) VALUES (?, ?)').run(name, position);
}

/** Without a body: it is made when it is sent. */
export function insertDelivery(
  db: Database,
  delivery: Omit<NewDelivery, 'body'> & { body?: string },
  now: number,
): void {
  const { event, url, body, job, runId } = delivery;
  db.sql(
    `INSERT INTO deliveries (event, url, body, job, run, state, created_at, next_at)
     VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?6)`,
  ).run(event, url, body ?? null, job ?? null, runId ?? null, now);
}

/** Only while nothing has come of it: what was booked, claimed or asked for meanwhile stays. */
export function postponeDelivery(db: Database, id: number, { owner, until }: DeliveryLease, nextAt: number): void {
  db.write(() =>
    db
      .sql(
        `UPDATE deliveries SET next_at = ?, lease_owner = NULL, lease_until = NULL
         WHERE id = ? AND state = 'pending' AND lease_owner = ? AND lease_until = ?`,
      )
      .run(Math.ceil(nextAt), id, owner, until),
  );
}
