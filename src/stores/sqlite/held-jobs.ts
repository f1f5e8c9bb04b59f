import type { Database } from './database.ts';
import { number } from './rows.ts';

/**
 * Jobs of a queue wait in held lanes while their run is open; how many, by priority, is kept in sums, which whoever moves
 * held jobs writes in the same transaction. Once the run is open no more, nothing is held and the sums are dropped.
 */

/** What a transaction changed in what a run holds; written once, at its end. */
export class HeldDelta {
  private readonly sums = new Map<number, { jobs: number; bytes: number }>();

  /** `jobs` is -1 for one that is held no more. */
  add(priority: number, bytes: number, jobs: 1 | -1): void {
    const sum = this.sums.get(priority) ?? { jobs: 0, bytes: 0 };
    sum.jobs += jobs;
    sum.bytes += jobs * bytes;
    this.sums.set(priority, sum);
  }

  write(db: Database, run: number): void {
    for (const [priority, { jobs, bytes }] of this.sums) {
      db.sql(
        `INSERT INTO held_jobs (run, priority, jobs, bytes) VALUES (?, ?, ?, ?)
         ON CONFLICT (run, priority) DO UPDATE SET jobs = jobs + excluded.jobs, bytes = bytes + excluded.bytes`,
      ).run(run, priority, jobs, bytes);
    }
  }
}

/** The run is open no more. */
export function dropHeldSums(db: Database, run: number): void {
  db.sql('DELETE FROM held_jobs WHERE run = ?').run(run);
}

/** The lanes whose queued jobs are held now: none once their run is open no more. */
export function heldLanes(db: Database, run: number): Set<number> {
  const rows = db
    .sql("SELECT l.id FROM lanes l JOIN runs r ON r.seq = l.run WHERE l.run = ? AND l.held = 1 AND r.state = 'open'")
    .all(run);
  return new Set(rows.map((row) => number(row, 'id')));
}
