import type { Scope } from '../../store-rows.ts';

/**
 * No pause is as long as this: what is due later was noted under a clock that has been set back since, and is due now.
 */
export const longestPauseMs = 3_600_000;

/** SQL and values that keep a query of lanes (`l`) and runs (`r`) inside what a worker may touch. */
export function inScope(scope: Scope): { where: string; values: (string | number)[] } {
  const accounts = accountsIn(scope);
  return scope.runId === undefined
    ? { where: accounts, values: [...(scope.accounts ?? [])] }
    : { where: `${accounts} AND r.id = ?`, values: [...(scope.accounts ?? []), scope.runId] };
}

/** The same for batches (`b`), with those of other runs that are followed. */
export function batchesInScope(scope: Scope): { where: string; values: (string | number)[] } {
  const others = scope.batchIds ?? [];
  if (scope.runId === undefined || others.length === 0) return inScope(scope);
  const marks = others.map(() => '?').join(', ');
  return {
    where: `${accountsIn(scope)} AND (r.id = ? OR b.id IN (${marks}))`,
    values: [...(scope.accounts ?? []), scope.runId, ...others],
  };
}

function accountsIn({ accounts }: Scope): string {
  return accounts ? `l.account IN (${accounts.map(() => '?').join(', ') || 'NULL'})` : '1';
}
