import type { SpendingRow, Views } from '../../views.ts';
import type { Database } from './database.ts';
import { defined, number, optionalText, text } from './rows.ts';

/** Money of a side's runs by day, queue, provider and model; a lane's sums of a day are one row of the table. */
export function listSpending(db: Database, filter: Parameters<Views['listSpending']>[0]): SpendingRow[] {
  const rows = db.read(() =>
    db
      .sql(
        `SELECT s.day, r.queue, l.provider, l.model, s.realtime, sum(s.attempts) AS attempts,
           sum(s.input_tokens) AS input_tokens, sum(s.output_tokens) AS output_tokens,
           sum(s.cached_tokens) AS cached_tokens, sum(s.cost_nano) AS cost_nano,
           sum(s.realtime_nano) AS realtime_nano, sum(s.unpriced) AS unpriced
         FROM spending s JOIN lanes l ON l.id = s.lane JOIN runs r ON r.seq = l.run
         WHERE s.day >= ? AND r.simulated = ?
         GROUP BY s.day, r.queue, l.provider, l.model, s.realtime
         ORDER BY s.day, r.queue, l.provider, l.model, s.realtime`,
      )
      .all(filter.since, filter.simulated ? 1 : 0),
  );
  return rows.map((row) => ({
    day: text(row, 'day'),
    provider: text(row, 'provider'),
    model: text(row, 'model'),
    realtime: number(row, 'realtime') === 1,
    attempts: number(row, 'attempts'),
    inputTokens: number(row, 'input_tokens'),
    outputTokens: number(row, 'output_tokens'),
    cachedTokens: number(row, 'cached_tokens'),
    costNanoUsd: number(row, 'cost_nano'),
    realtimeNanoUsd: number(row, 'realtime_nano'),
    unpriced: number(row, 'unpriced'),
    ...defined('queue', optionalText(row, 'queue')),
  }));
}
