import { jobStates, noCounts } from '../../job.ts';
import type { Side, Totals } from '../../views.ts';
import type { Database } from './database.ts';
import { totalsByQueue } from './queue-totals.ts';
import { number } from './rows.ts';

const figures = [
  ...jobStates,
  'batchesSubmitted',
  'batchesCompleted',
  'batchesFailed',
  'batchesOpen',
  'costNanoUsd',
  'realtimeNanoUsd',
] as const;

/** Over all queues, and the runs that came by none. */
export function totals(db: Database, side: Side): Totals {
  const sums: Totals = {
    held: heldJobs(db, side),
    ...noCounts,
    batchesSubmitted: 0,
    batchesCompleted: 0,
    batchesFailed: 0,
    batchesOpen: 0,
    costNanoUsd: 0,
    realtimeNanoUsd: 0,
  };
  for (const queue of totalsByQueue(db, side)) {
    for (const figure of figures) sums[figure] += queue[figure];
  }
  return sums;
}

function heldJobs(db: Database, { simulated }: Side): number {
  const row = db.read(() =>
    db
      .sql(
        `SELECT coalesce(sum(h.jobs), 0) AS held FROM held_jobs h CROSS JOIN runs r ON r.seq = h.run
         WHERE r.state = 'open' AND r.simulated = ?`,
      )
      .get(simulated ? 1 : 0),
  );
  return number(row ?? {}, 'held');
}
