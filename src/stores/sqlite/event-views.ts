import type { StoreEvent } from '../../views.ts';
import type { Database } from './database.ts';
import { defined, number, optionalNumber, optionalText, type Row, text } from './rows.ts';
import { runSeq } from './runs.ts';
import { where } from './view-filters.ts';

/** Oldest first. */
export function listEvents(
  db: Database,
  { after, limit, runId, batchId }: { after: number; limit: number; runId?: string; batchId?: number },
): StoreEvent[] {
  return db.read(() => {
    const { sql, values } = where([
      ['e.id > ?', after],
      ['e.run = ?', runId === undefined ? undefined : runSeq(db, runId)],
      ['e.batch = ?', batchId],
    ]);
    return db
      .sql(`SELECT e.*, r.id AS run_id FROM events e LEFT JOIN runs r ON r.seq = e.run ${sql} ORDER BY e.id LIMIT ?`)
      .all(...values, limit)
      .map(toEvent);
  });
}

export function lastEventId(db: Database): number {
  const row = db.read(() => db.sql('SELECT max(id) AS id FROM events').get());
  return (row && optionalNumber(row, 'id')) ?? 0;
}

function toEvent(row: Row): StoreEvent {
  return {
    id: number(row, 'id'),
    at: number(row, 'at'),
    type: text(row, 'type'),
    ...defined('runId', optionalText(row, 'run_id')),
    ...defined('batchId', optionalNumber(row, 'batch')),
    ...defined('detail', optionalText(row, 'detail')),
  };
}
