import type { Costs } from '../contract/money.ts';
import { dollars } from './figures.ts';
import type { Spent } from './spending-history.ts';

/** Jobs that came into no queue: runs of the command line. */
export const noQueue = 'other';

type Figures = Omit<Costs['rows'][number], 'group'>;

/** Sums of what was spent, by any word of its rows; in the order in which the words come. */
export function groupCosts<Row extends Omit<Spent, 'queue' | 'realtime'>>(
  rows: readonly Row[],
  groupOf: (row: Row) => string,
): Map<string, Figures> {
  const sums = new Map<string, Sums>();
  for (const row of rows) {
    const group = groupOf(row);
    const sum = sums.get(group) ?? { ...noSums };
    for (const name of names) sum[name] += row[name];
    sums.set(group, sum);
  }
  return new Map([...sums].map(([group, sum]) => [group, toFigures(sum)]));
}

const names = [
  'attempts',
  'inputTokens',
  'outputTokens',
  'cachedTokens',
  'costNanoUsd',
  'realtimeNanoUsd',
  'unpriced',
] as const;
type Sums = Record<(typeof names)[number], number>;
const noSums: Sums = {
  attempts: 0,
  inputTokens: 0,
  outputTokens: 0,
  cachedTokens: 0,
  costNanoUsd: 0,
  realtimeNanoUsd: 0,
  unpriced: 0,
};

/** Added up in whole nano-dollars, so that no sum is off by what is lost in dollars. */
function toFigures(sum: Sums): Figures {
  return {
    attempts: sum.attempts,
    input_tokens: sum.inputTokens,
    output_tokens: sum.outputTokens,
    cached_tokens: sum.cachedTokens,
    cost_usd: dollars(sum.costNanoUsd),
    realtime_usd: dollars(sum.realtimeNanoUsd),
    savings_usd: dollars(sum.realtimeNanoUsd - sum.costNanoUsd),
    unpriced: sum.unpriced,
  };
}

/** The figures of a group that nothing was spent on. */
export const noFigures: Readonly<Figures> = toFigures(noSums);
