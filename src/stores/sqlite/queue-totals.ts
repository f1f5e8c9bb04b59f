import { jobStates } from '../../job.ts';
import type { QueueTotals, Side } from '../../views.ts';
import { isOpen } from './batches.ts';
import type { Database } from './database.ts';
import { number, optionalText, type Row, text } from './rows.ts';

/** What came of each queue, of all time: the sums of what is over, and the few runs and batches that are not. */
export function totalsByQueue(db: Database, side: Side): QueueTotals[] {
  const simulated = side.simulated ? 1 : 0;
  return db.read(() => {
    const queues = new Map<string, QueueTotals>();
    for (const row of endedTotals(db, simulated)) addEnded(totalsOf(queues, row), row);
    for (const row of unfinishedRuns(db, simulated)) addRuns(totalsOf(queues, row), row);
    for (const row of openBatches(db, simulated)) {
      const totals = totalsOf(queues, row);
      totals.batchesSubmitted += number(row, 'submitted');
      totals.batchesOpen += number(row, 'open');
    }
    return [...queues.values()];
  });
}

function endedTotals(db: Database, simulated: number): Row[] {
  return db.sql('SELECT * FROM ended_totals WHERE simulated = ? ORDER BY queue, provider').all(simulated);
}

function unfinishedRuns(db: Database, simulated: number): Row[] {
  const counts = jobStates.map((state) => `sum(${state}) AS ${state}`).join(', ');
  return db
    .sql(
      `SELECT queue, provider, ${counts}, sum(cost_nano) AS cost_nano, sum(realtime_nano) AS realtime_nano
       FROM runs INDEXED BY runs_unfinished WHERE state <> 'ended' AND simulated = ?
       GROUP BY queue, provider`,
    )
    .all(simulated);
}

function openBatches(db: Database, simulated: number): Row[] {
  return db
    .sql(
      `SELECT r.queue, r.provider, count(b.submitted_at) AS submitted, count(*) AS open
       FROM batches b INDEXED BY batches_open CROSS JOIN runs r ON r.seq = b.run WHERE ${isOpen}
         AND r.simulated = ?
       GROUP BY r.queue, r.provider`,
    )
    .all(simulated);
}

function totalsOf(queues: Map<string, QueueTotals>, row: Row): QueueTotals {
  const queue = optionalText(row, 'queue') || undefined;
  const provider = text(row, 'provider');
  const key = JSON.stringify([queue, provider]);
  const totals = queues.get(key) ?? { ...(queue === undefined ? {} : { queue }), provider, ...nothing };
  queues.set(key, totals);
  return totals;
}

const nothing = {
  queued: 0,
  packed: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
  batchesSubmitted: 0,
  batchesCompleted: 0,
  batchesFailed: 0,
  batchesOpen: 0,
  costNanoUsd: 0,
  realtimeNanoUsd: 0,
};

function addRuns(totals: QueueTotals, row: Row): void {
  for (const state of jobStates) totals[state] += number(row, state);
  totals.costNanoUsd += number(row, 'cost_nano');
  totals.realtimeNanoUsd += number(row, 'realtime_nano');
}

function addEnded(totals: QueueTotals, row: Row): void {
  for (const state of ['succeeded', 'failed', 'cancelled', 'skipped'] as const) totals[state] += number(row, state);
  totals.costNanoUsd += number(row, 'cost_nano');
  totals.realtimeNanoUsd += number(row, 'realtime_nano');
  totals.batchesSubmitted += number(row, 'batches_submitted');
  totals.batchesCompleted += number(row, 'batches_completed');
  totals.batchesFailed += number(row, 'batches_failed');
}
