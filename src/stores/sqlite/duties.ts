import type { Database } from './database.ts';
import { number } from './rows.ts';
import { longestPauseMs } from './scope.ts';

/** What one process at a time does. */

export function claimDuty(db: Database, name: string, owner: string, now: number, until: number): boolean {
  // Looked up outside of the transaction: who waits for a turn takes no write lock.
  if (!isFree(db, name, owner, now)) return false;
  return db.write(() => {
    if (!isFree(db, name, owner, now)) return false;
    db.sql(
      `INSERT INTO duties (name, owner, until) VALUES (?1, ?2, ?3)
       ON CONFLICT (name) DO UPDATE SET owner = ?2, until = ?3`,
    ).run(name, owner, until);
    return true;
  });
}

function isFree(db: Database, name: string, owner: string, now: number): boolean {
  const held = db.read(() => db.sql('SELECT owner, until FROM duties WHERE name = ?').get(name));
  if (!held || held.owner === owner) return true;
  const until = number(held, 'until');
  // What is held longer than any duty is was claimed under a clock that has been set back since.
  return until <= now || until > now + longestPauseMs;
}

export function releaseDuties(db: Database, owner: string): void {
  db.write(() => db.sql('DELETE FROM duties WHERE owner = ?').run(owner));
}
