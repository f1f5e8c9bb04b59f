import type { Scope } from '../../store.ts';

/**
 * No pause is as long as this: what is due later was noted under a clock that has been set back since, and is due now.
 */
export const longestPauseMs = 3_600_000;

/** SQL and values that keep a query inside what a worker may touch; `l` is lanes, `r` is runs. */
export function inScope(scope: Scope): { where: string; values: string[] } {
  const accounts = scope.accounts ? `l.account IN (${scope.accounts.map(() => '?').join(', ') || 'NULL'})` : '1';
  return scope.runId === undefined
    ? { where: accounts, values: [...(scope.accounts ?? [])] }
    : { where: `${accounts} AND r.id = ?`, values: [...(scope.accounts ?? []), scope.runId] };
}
