import type { BookRow, CostRow } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { number, text } from './rows.ts';

/** Money by day, lane and way: a lane knows its run, provider and model. */
export class Spending {
  private readonly sums = new Map<string, number[]>();

  add(row: Pick<BookRow, 'at' | 'usage' | 'costNanoUsd' | 'realtimeNanoUsd'>, lane: number, realtime: boolean): void {
    if (!row.usage) return;
    const day = new Date(row.at).toISOString().slice(0, 10);
    const key = `${day} ${lane} ${realtime ? 1 : 0}`;
    const sums = this.sums.get(key) ?? [0, 0, 0, 0, 0, 0, 0];
    const more = [
      1,
      row.usage.inputTokens,
      row.usage.outputTokens,
      row.usage.cachedTokens ?? 0,
      row.costNanoUsd ?? 0,
      row.realtimeNanoUsd ?? 0,
      row.costNanoUsd === undefined ? 1 : 0,
    ];
    this.sums.set(
      key,
      sums.map((sum, i) => sum + (more[i] ?? 0)),
    );
  }

  write(db: Database): void {
    for (const [key, sums] of this.sums) {
      const [day = '', lane = '', realtime = ''] = key.split(' ');
      db.sql(
        `INSERT INTO spending (day, lane, realtime, attempts, input_tokens, output_tokens, cached_tokens, cost_nano,
           realtime_nano, unpriced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (day, lane, realtime) DO UPDATE SET attempts = attempts + excluded.attempts,
           input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
           cached_tokens = cached_tokens + excluded.cached_tokens, cost_nano = cost_nano + excluded.cost_nano,
           realtime_nano = realtime_nano + excluded.realtime_nano, unpriced = unpriced + excluded.unpriced`,
      ).run(day, Number(lane), Number(realtime), ...sums);
    }
  }
}

export function listCosts(db: Database, filter: { runId?: string; since?: string }): CostRow[] {
  return db.read(() =>
    db
      .sql(
        `SELECT s.*, r.id AS run_id, l.provider, l.model FROM spending s JOIN lanes l ON l.id = s.lane
           JOIN runs r ON r.seq = l.run
         WHERE (?1 IS NULL OR r.id = ?1) AND s.day >= ?2 ORDER BY s.day, s.lane, s.realtime`,
      )
      .all(filter.runId ?? null, filter.since ?? '')
      .map((row) => ({
        day: text(row, 'day'),
        runId: text(row, 'run_id'),
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
      })),
  );
}
