import type { Costs } from '../../../src/service/contract/money.ts';
import { dayAt, dayMs, type World } from './world.ts';

type Row = Costs['rows'][number];

export function richCosts(now: number, random: () => number, world: World): World['costs'] {
  const days = Array.from({ length: 90 }, (_, index) => {
    const at = now - (89 - index) * dayMs;
    const isWeekend = [0, 6].includes(new Date(at).getUTCDay());
    return rowOf(dayAt(at), Math.round((isWeekend ? 6_000 : 21_000) * (0.7 + random() * 0.6)), 0.000_41);
  });
  const sums = (groupOf: (run: World['runs'][number]) => string) => {
    const groups = new Map<string, Row>();
    for (const run of world.runs) {
      const ended = run.counts.succeeded + run.counts.failed;
      if (ended === 0) continue;
      const group = groupOf(run);
      const row = rowOf(group, ended, (run.cost_usd ?? 0) / ended);
      groups.set(group, add(groups.get(group), row));
    }
    return [...groups.values()];
  };
  return {
    day: days,
    job_type: sums((run) => run.job_type ?? 'other'),
    provider: sums((run) => run.provider),
    model: sums((run) => run.model),
    run: sums((run) => run.run_id).slice(0, 100),
  };
}

function rowOf(group: string, attempts: number, costPerAttempt: number): Row {
  const cost = attempts * costPerAttempt;
  return {
    group,
    attempts,
    input_tokens: attempts * 812,
    output_tokens: attempts * 164,
    cached_tokens: attempts * 96,
    cost_usd: cost,
    realtime_usd: cost * 2,
    savings_usd: cost,
    unpriced: 0,
  };
}

function add(a: Row | undefined, b: Row): Row {
  if (!a) return b;
  return {
    group: b.group,
    attempts: a.attempts + b.attempts,
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cached_tokens: a.cached_tokens + b.cached_tokens,
    cost_usd: a.cost_usd + b.cost_usd,
    realtime_usd: a.realtime_usd + b.realtime_usd,
    savings_usd: a.savings_usd + b.savings_usd,
    unpriced: a.unpriced + b.unpriced,
  };
}
