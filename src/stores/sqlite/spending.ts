import type { BookRow, CostRow } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { number, text } from './rows.ts';

const dayMs = 86_400_000;

interface Sums {
  day: number;
  lane: number;
  realtime: boolean;
  attempts: number;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  costNano: number;
  realtimeNano: number;
  unpriced: number;
}

/** Money by day, lane and way: a lane knows its run, provider and model. */
export class Spending {
  private readonly all: Sums[] = [];
  /** Rows that are booked together are of one day and lane, but for a few. */
  private last: Sums | undefined;

  add(row: Pick<BookRow, 'at' | 'usage' | 'costNanoUsd' | 'realtimeNanoUsd'>, lane: number, realtime: boolean): void {
    if (!row.usage) return;
    const sums = this.sumsOf(Math.floor(row.at / dayMs), lane, realtime);
    sums.attempts += 1;
    sums.inputTokens += row.usage.inputTokens;
    sums.outputTokens += row.usage.outputTokens;
    sums.cachedTokens += row.usage.cachedTokens ?? 0;
    sums.costNano += row.costNanoUsd ?? 0;
    sums.realtimeNano += row.realtimeNanoUsd ?? 0;
    if (row.costNanoUsd === undefined) sums.unpriced += 1;
  }

  private sumsOf(day: number, lane: number, realtime: boolean): Sums {
    const fits = (sums: Sums) => sums.day === day && sums.lane === lane && sums.realtime === realtime;
    if (this.last && fits(this.last)) return this.last;
    let found = this.all.find(fits);
    if (!found) {
      const none = { attempts: 0, inputTokens: 0, outputTokens: 0, cachedTokens: 0, costNano: 0, realtimeNano: 0 };
      found = { day, lane, realtime, ...none, unpriced: 0 };
      this.all.push(found);
    }
    this.last = found;
    return found;
  }

  write(db: Database): void {
    for (const sums of this.all) {
      db.sql(
        `INSERT INTO spending (day, lane, realtime, attempts, input_tokens, output_tokens, cached_tokens, cost_nano,
           realtime_nano, unpriced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (day, lane, realtime) DO UPDATE SET attempts = attempts + excluded.attempts,
           input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens,
           cached_tokens = cached_tokens + excluded.cached_tokens, cost_nano = cost_nano + excluded.cost_nano,
           realtime_nano = realtime_nano + excluded.realtime_nano, unpriced = unpriced + excluded.unpriced`,
      ).run(
        new Date(sums.day * dayMs).toISOString().slice(0, 10),
        sums.lane,
        sums.realtime ? 1 : 0,
        sums.attempts,
        sums.inputTokens,
        sums.outputTokens,
        sums.cachedTokens,
        sums.costNano,
        sums.realtimeNano,
        sums.unpriced,
      );
    }
  }
}

export function listCosts(
  db: Database,
  { runId, since, simulated }: { runId?: string; since?: string; simulated?: boolean },
): CostRow[] {
  return db.read(() =>
    db
      .sql(
        `SELECT s.*, r.id AS run_id, l.provider, l.model FROM spending s JOIN lanes l ON l.id = s.lane
           JOIN runs r ON r.seq = l.run
         WHERE (?1 IS NULL OR r.id = ?1) AND s.day >= ?2 AND (?3 IS NULL OR r.simulated = ?3)
         ORDER BY s.day, s.lane, s.realtime`,
      )
      .all(runId ?? null, since ?? '', simulated === undefined ? null : Number(simulated))
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
