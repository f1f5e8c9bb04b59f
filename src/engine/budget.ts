import { unfinishedOf } from '../job.ts';
import type { Run } from '../run.ts';
import type { CostBound } from '../store-rows.ts';
import type { Engine } from './engine.ts';

/**
 * A budget is a hard stop: what a request can cost at most is held before it is sent, in the transaction that claims
 * it, and given back when its real cost is booked. Undefined: nobody can say what the request may cost.
 */
export function boundOf(
  engine: Engine,
  { provider, model }: { provider: string; model: string },
  inBatch: boolean,
): CostBound | undefined {
  const price = engine.priceOf(provider, model);
  return price && { price, inBatch };
}

/** Money that is neither spent nor held; negative when a budget was lowered. */
function leftOf(run: Run): number {
  return (run.budgetNanoUsd ?? 0) - (run.costNanoUsd ?? 0) - run.reservedNanoUsd;
}

/**
 * Whether it is better to wait for the batches under way: what is free is little beside what they hold, most of which
 * comes back. Else a run would end in a long row of small batches.
 */
export function shouldWaitForMoney(run: Run): boolean {
  return run.budgetNanoUsd !== undefined && leftOf(run) < run.reservedNanoUsd / 4;
}

/** The run's words for its user, when jobs wait for nothing but more money. */
export function budgetNote(run: Run): string {
  const held = run.reservedNanoUsd > 0 ? `, ${dollars(run.reservedNanoUsd)} held for calls whose end is unknown` : '';
  const spent = `${dollars(run.costNanoUsd ?? 0)} of the budget of ${dollars(run.budgetNanoUsd ?? 0)} spent${held}`;
  return `${spent}; ${unfinishedOf(run.counts)} jobs wait, for the next one may cost more than what is left`;
}

function dollars(nanoUsd: number): string {
  const usd = nanoUsd / 1e9;
  return `$${usd >= 1 || usd === 0 ? usd.toFixed(2) : String(Number(usd.toPrecision(2)))}`;
}
