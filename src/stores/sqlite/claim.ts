import { boundNanoUsd } from '../../prices.ts';
import type { CostBound } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { number, optionalNumber, type Row, text } from './rows.ts';
import type { RunDelta } from './runs.ts';
import { findAnswer, findLeader, findQuickLeader, follow, lead, takeAnswer } from './sharing.ts';

/** What becomes of a queued job that is about to be sent. */
export type Taken = { type: 'send'; reserved: number | null } | { type: 'spared' } | { type: 'over_budget' };

/** Decides for the jobs of one lane, inside the transaction that claims them. */
export interface Claim {
  take(job: Row): Taken;
}

/** Columns of a job that `take` and packing need. */
export const claimColumns = 'id, bytes, tokens, inputs, attempts, hash, max_input, max_output';

export function beginClaim(db: Database, lane: number, delta: RunDelta, bound: CostBound | undefined): Claim {
  const row = db
    .sql(
      `SELECT l.account, l.endpoint, l.mode, r.fresh, r.seq, r.budget_nano, r.cost_nano, r.reserved_nano
       FROM lanes l JOIN runs r ON r.seq = l.run WHERE l.id = ?`,
    )
    .get(lane);
  if (!row) return { take: () => ({ type: 'send', reserved: null }) };
  const account = text(row, 'account');
  const endpoint = text(row, 'endpoint');
  const isFresh = row.fresh === 1;
  const isQuick = text(row, 'mode') !== 'batch';
  // Most first runs: nothing to reuse, so nothing is looked up.
  const hasResults = !isFresh && db.sql('SELECT 1 FROM runs WHERE succeeded > 0 LIMIT 1').get() !== undefined;
  const budget = optionalNumber(row, 'budget_nano');
  let left = budget === undefined ? undefined : budget - number(row, 'cost_nano') - number(row, 'reserved_nano');

  const isSpared = (job: Row): boolean => {
    const wanted = { job: number(job, 'id'), hash: optionalNumber(job, 'hash') ?? null, account, endpoint };
    if (isFresh) return false;
    const answer = hasResults ? findAnswer(db, wanted) : undefined;
    if (answer !== undefined) {
      takeAnswer(db, job, answer, delta);
      return true;
    }
    const leader = isQuick ? findQuickLeader(db, wanted, number(row, 'seq')) : findLeader(db, wanted);
    if (leader !== undefined) follow(db, wanted.job, leader);
    return leader !== undefined;
  };

  return {
    take(job) {
      if (isSpared(job)) return { type: 'spared' };
      let reserved: number | null = null;
      if (left !== undefined) {
        const most = bound && boundNanoUsd(bound.price, sizeOf(job), bound.inBatch);
        if (most === undefined || most > left) {
          db.sql('UPDATE runs SET over_budget = 1 WHERE seq = ?').run(number(row, 'seq'));
          return { type: 'over_budget' };
        }
        left -= most;
        reserved = most;
        delta.reservedNano += most;
      }
      lead(db, number(job, 'id'), optionalNumber(job, 'hash') ?? null);
      return { type: 'send', reserved };
    },
  };
}

function sizeOf(job: Row) {
  const maxOutput = optionalNumber(job, 'max_output');
  return {
    inputTokens: number(job, 'tokens'),
    maxInputTokens: number(job, 'max_input'),
    ...(maxOutput === undefined ? {} : { maxOutputTokens: maxOutput }),
  };
}
