import type { Run } from '../run.ts';
import type { ResultRow } from '../sink.ts';

/** What all result formats say in the same way about a row. */

export type RowStatus = 'success' | 'failed' | 'skipped' | 'cancelled' | 'pending';

/** The formats are older than our states: theirs say `success` where a job says `succeeded`. */
export function statusOf(row: ResultRow): RowStatus {
  return row.state === 'succeeded' ? 'success' : row.state;
}

export function errorOf(row: ResultRow): string | undefined {
  return row.state === 'succeeded' ? undefined : (row.errorMessage ?? row.errorCode);
}

/** Seconds to the millisecond: more digits are noise. */
export function roundSeconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

/** From the run's creation to its end, or until now for a run that goes on. */
export function runSeconds(run: Run, now: () => number): number {
  return roundSeconds(Math.max(0, (run.endedAt ?? now()) - run.createdAt) / 1000);
}

/** True when the run asked the model for JSON, so that a result is a value and not a text. */
export function hasSchema(run: Run): boolean {
  return run.recipe.schema !== undefined;
}

/**
 * JSON text ready to be put inside other JSON on one line: digit by digit as it came, because parsing and writing it
 * again would change large numbers and overflow the stack on deep nesting. Undefined when it is not JSON.
 */
export function embeddableJson(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  // In valid JSON a raw line break can only stand between values.
  return text.trim().replace(/[\r\n]+\s*/g, ' ');
}

/** A row's result as JSON text: the value itself for schema runs, a string otherwise, `null` when there is none. */
export function resultJson(row: ResultRow, schema: boolean): string {
  if (row.output === undefined) return 'null';
  return (schema ? embeddableJson(row.output) : undefined) ?? JSON.stringify(row.output);
}

/** `12500` -> `0.0000125`: exact, where a division and `toString` would give `0.000012499…` or `1.25e-5`. */
export function exactUsd(nanoUsd: number): string {
  const digits = BigInt(Math.round(nanoUsd)).toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${digits.slice(0, -9)}${fraction === '' ? '' : `.${fraction}`}`;
}
