import { batchStates, isOpenBatch } from '../../batch.ts';
import type { BatchSummary, Views } from '../../views.ts';
import { batchColumns, batchJoins, isOpen } from './batches.ts';
import type { Database } from './database.ts';
import { defined, number, optionalText, type Row, toBatch } from './rows.ts';
import { runSeq } from './runs.ts';
import { createdSince, where } from './view-filters.ts';

const batches = { name: 'batches', as: 'b', id: 'id' } as const;

/** Newest first. */
export function listBatches(db: Database, filter: Parameters<Views['listBatches']>[0]): BatchSummary[] {
  const { before, limit, runId, queue, provider, states, since } = filter;
  return db.read(() => {
    // Few batches are open, and they have an index.
    const wanted = batchStates.filter((state) => states?.includes(state) ?? true);
    if (wanted.length === 0) return [];
    const openOnly = filter.openOnly || wanted.every(isOpenBatch);
    const { sql, values } = where([
      ['b.id < ?', before],
      ['b.run = ?', runId === undefined ? undefined : runSeq(db, runId)],
      queue === '*' ? ['r.queue IS NOT NULL'] : ['r.queue = ?', queue],
      ['l.provider = ?', provider],
      states ? [`b.state IN (${wanted.map((state) => `'${state}'`).join(', ')})`] : undefined,
      openOnly ? [isOpen] : undefined,
      createdSince(batches, since),
    ]);
    const index = openOnly && runId === undefined ? 'INDEXED BY batches_open' : '';
    // From the newest on; only those of a rare queue are found by its runs, and sorted.
    const joins = isRare(db, queue) ? batchJoins : batchJoins.replaceAll('JOIN', 'CROSS JOIN');
    return db
      .sql(`SELECT ${batchColumns} FROM batches b ${index} ${joins} ${sql} ORDER BY b.id DESC LIMIT ?`)
      .all(...values, limit)
      .map(toSummary);
  });
}

/** Runs of a queue below which it is rare among many batches. */
const fewRuns = 1_000;

function isRare(db: Database, queue: string | undefined): boolean {
  if (queue === undefined || queue === '*') return false;
  const row = db.sql('SELECT count(*) AS runs FROM (SELECT 1 FROM runs WHERE queue = ? LIMIT ?)').get(queue, fewRuns);
  return number(row ?? {}, 'runs') < fewRuns;
}

export function getBatch(db: Database, id: number): BatchSummary | undefined {
  return db.read(() => {
    const row = db.sql(`SELECT ${batchColumns} FROM batches b ${batchJoins} WHERE b.id = ?`).get(id);
    return row && toSummary(row);
  });
}

function toSummary(row: Row): BatchSummary {
  const isPriced = number(row, 'unpriced') === 0;
  return {
    ...toBatch(row),
    simulated: number(row, 'simulated') === 1,
    succeeded: number(row, 'succeeded'),
    failed: number(row, 'failed'),
    ...defined('queue', optionalText(row, 'queue')),
    ...(isPriced ? { costNanoUsd: number(row, 'cost_nano'), realtimeNanoUsd: number(row, 'realtime_nano') } : {}),
  };
}
