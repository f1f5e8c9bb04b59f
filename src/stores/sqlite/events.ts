import type { Database } from './database.ts';

/** The history of runs and batches, one line a change, written in the transaction that makes the change. */
export function addEvent(
  db: Database,
  event: { at: number; run?: number; batch?: number; type: string; detail?: string },
): void {
  db.sql('INSERT INTO events (at, run, batch, type, detail) VALUES (?, ?, ?, ?, ?)').run(
    event.at,
    event.run ?? null,
    event.batch ?? null,
    event.type,
    event.detail ?? null,
  );
}
