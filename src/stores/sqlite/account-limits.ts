import type { BatchState } from '../../batch.ts';
import type { EnqueuedRoom } from '../../store-rows.ts';
import type { Database } from './database.ts';
import { number, optionalNumber } from './rows.ts';
import { longestPauseMs } from './scope.ts';

/** What an account takes at once, and what is at it now. */

/** A batch takes room from the moment that a create may be on its way until the provider says that it has ended. */
const enqueuedStates: readonly BatchState[] = ['submitting', 'unknown', 'in_progress'];
const enqueuedSql = enqueuedStates.map((state) => `'${state}'`).join(', ');

/** The WHERE of the index `batches_open`: without these words all batches that ever were are looked through. */
const isOpen = "state NOT IN ('collected', 'failed', 'abandoned')";

/** Going back to `packed` frees nothing: it was refused, and waits like the others. */
export function freesRoom(from: BatchState, to: BatchState): boolean {
  return enqueuedStates.includes(from) && (to === 'ended' || to === 'failed');
}

/** Room has come back at the account: sealed batches that wait for it are looked at now. */
export function wakeWaiting(db: Database, lane: number): void {
  db.sql(
    `UPDATE batches SET next_at = 0 WHERE ${isOpen} AND state = 'packed' AND error_code = 'no_room' AND EXISTS (
       SELECT 1 FROM lanes l WHERE l.id = batches.lane AND l.account = (SELECT account FROM lanes WHERE id = ?))`,
  ).run(lane);
}

/** What is enqueued at the account now, in the unit of its limit. */
export function enqueuedAt(db: Database, { unit, account, model }: EnqueuedRoom): number {
  const column = unit === 'tokens' ? 'tokens' : 'requests';
  const sum = db
    .sql(
      `SELECT coalesce(sum(b.${column}), 0) AS enqueued FROM batches b JOIN lanes l ON l.id = b.lane
       WHERE b.${isOpen} AND b.state IN (${enqueuedSql}) AND l.account = ?1 AND (?2 IS NULL OR l.model = ?2)`,
    )
    .get(account, model ?? null);
  return number(sum ?? {}, 'enqueued');
}

export function learnLimit(db: Database, account: string, model: string, limit: number | undefined, now: number): void {
  db.write(() => {
    if (limit === undefined) {
      db.sql('DELETE FROM account_limits WHERE account = ? AND model = ?').run(account, model);
      return;
    }
    db.sql('INSERT OR REPLACE INTO account_limits (account, model, most, learned_at) VALUES (?, ?, ?, ?)').run(
      account,
      model,
      Math.max(1, Math.floor(limit)),
      now,
    );
  });
}

export function getLimit(
  db: Database,
  account: string,
  model: string,
): { limit: number; learnedAt: number } | undefined {
  const row = db.sql('SELECT most, learned_at FROM account_limits WHERE account = ? AND model = ?').get(account, model);
  return row ? { limit: number(row, 'most'), learnedAt: number(row, 'learned_at') } : undefined;
}

/** Nothing of the account is asked for before then: one refusal speaks for all its batches. */
export function restAccount(db: Database, account: string, until: number): void {
  db.write(() =>
    db
      .sql(
        `UPDATE batches SET next_at = max(next_at, ?) WHERE ${isOpen}
           AND EXISTS (SELECT 1 FROM lanes l WHERE l.id = batches.lane AND l.account = ?)`,
      )
      .run(Math.ceil(until), account),
  );
}

/** A new batch of an account that rests is packed meanwhile, and sent when the others are; 0: it does not rest. */
export function restsUntil(db: Database, lane: number, now: number): number {
  const row = db
    .sql(
      `SELECT max(b.next_at) AS at FROM batches b JOIN lanes l ON l.id = b.lane
       WHERE b.${isOpen} AND b.error_code = 'rate_limited' AND b.next_at > ?1
         AND b.next_at <= ?2 AND l.account = (SELECT account FROM lanes WHERE id = ?3)`,
    )
    .get(now, now + longestPauseMs, lane);
  return (row && optionalNumber(row, 'at')) ?? 0;
}
