import type { SQLOutputValue } from 'node:sqlite';
import type { Batch, BatchState } from '../../batch.ts';
import { batchStates } from '../../batch.ts';
import { OffpeakError } from '../../errors.ts';
import type { JobState } from '../../job.ts';
import { jobStates } from '../../job.ts';
import type { Description, Run, RunMode, RunState } from '../../run.ts';
import { runModes, runStates } from '../../run.ts';

/** Rows of the tables as our nouns. A row that does not fit means a damaged or foreign store: said, not guessed. */
export type Row = Record<string, SQLOutputValue>;

export function number(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw misfit(column, value);
  return value;
}

export function optionalNumber(row: Row, column: string): number | undefined {
  return row[column] === null || row[column] === undefined ? undefined : number(row, column);
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw misfit(column, value);
  return value;
}

export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null || row[column] === undefined ? undefined : text(row, column);
}

function misfit(column: string, value: unknown): OffpeakError {
  return new OffpeakError(`The store holds a value that does not fit in column ${column}: ${typeof value}.`, {
    code: 'store_corrupt',
  });
}

export function oneOf<T extends string>(row: Row, column: string, values: readonly T[]): T {
  const value = text(row, column);
  const found = values.find((candidate) => candidate === value);
  if (found === undefined) throw misfit(column, value);
  return found;
}

export const jobStateOf = (row: Row): JobState => oneOf(row, 'state', jobStates);
export const batchStateOf = (row: Row): BatchState => oneOf(row, 'state', batchStates);

function description(row: Row, column: string): Description {
  const value: unknown = JSON.parse(text(row, column));
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') {
    throw misfit(column, value);
  }
  return { ...value, type: value.type };
}

export function toRun(row: Row): Run {
  const unpriced = number(row, 'unpriced') > 0;
  const ended = { succeeded: number(row, 'succeeded'), failed: number(row, 'failed') };
  const mode: RunMode = oneOf(row, 'mode', runModes);
  const state: RunState = oneOf(row, 'state', runStates);
  return {
    id: text(row, 'id'),
    fingerprint: text(row, 'fingerprint'),
    state,
    mode,
    provider: text(row, 'provider'),
    model: text(row, 'model'),
    priority: number(row, 'priority'),
    maxAttempts: number(row, 'max_attempts'),
    concurrency: number(row, 'concurrency'),
    timeoutMs: number(row, 'timeout_ms'),
    simulated: number(row, 'simulated') === 1,
    fresh: number(row, 'fresh') === 1,
    primeCache: number(row, 'prime_cache') === 1,
    reservedNanoUsd: number(row, 'reserved_nano'),
    isOverBudget: number(row, 'over_budget') === 1,
    recipe: description(row, 'recipe'),
    source: description(row, 'source'),
    createdAt: number(row, 'created_at'),
    counts: {
      queued: number(row, 'queued'),
      packed: number(row, 'packed'),
      running: number(row, 'running'),
      cancelled: number(row, 'cancelled'),
      skipped: number(row, 'skipped'),
      ...ended,
    },
    reused: number(row, 'reused'),
    reusedNanoUsd: number(row, 'reused_nano'),
    usage: {
      inputTokens: number(row, 'input_tokens'),
      outputTokens: number(row, 'output_tokens'),
      cachedTokens: number(row, 'cached_tokens'),
    },
    ...(unpriced ? {} : { costNanoUsd: number(row, 'cost_nano'), realtimeNanoUsd: number(row, 'realtime_nano') }),
    ...(row.output_path === null
      ? {}
      : { output: { path: text(row, 'output_path'), format: text(row, 'output_format') } }),
    ...defined('name', optionalText(row, 'name')),
    ...defined('queue', optionalText(row, 'queue')),
    ...defined('note', optionalText(row, 'note')),
    ...defined('endedAt', optionalNumber(row, 'ended_at')),
    ...defined('deadlineAt', optionalNumber(row, 'deadline_at')),
    ...defined('budgetNanoUsd', optionalNumber(row, 'budget_nano')),
  };
}

/** A batch row joined with its lane and its run's id (`run_id`). */
export function toBatch(row: Row): Batch {
  const total = optionalNumber(row, 'remote_total');
  return {
    id: number(row, 'id'),
    runId: text(row, 'run_id'),
    laneId: number(row, 'lane'),
    provider: text(row, 'provider'),
    account: text(row, 'account'),
    model: text(row, 'model'),
    endpoint: text(row, 'endpoint'),
    state: batchStateOf(row),
    nonce: text(row, 'nonce'),
    isPrimer: row.primer === row.id,
    requests: number(row, 'requests'),
    bytes: number(row, 'bytes'),
    tokens: number(row, 'tokens'),
    inputs: number(row, 'inputs'),
    quarantined: number(row, 'quarantined'),
    generation: number(row, 'generation'),
    nextAt: number(row, 'next_at'),
    tries: number(row, 'tries'),
    refusals: number(row, 'refusals'),
    notFound: number(row, 'not_found'),
    absences: number(row, 'absences'),
    cancelWanted: number(row, 'cancel_wanted') === 1,
    cancelRequested: number(row, 'cancel_requested') === 1,
    hedged: number(row, 'hedged') === 1,
    createdAt: number(row, 'created_at'),
    ...(total === undefined
      ? {}
      : { counts: { total, succeeded: number(row, 'remote_succeeded'), failed: number(row, 'remote_failed') } }),
    ...defined('sha256', optionalText(row, 'sha256')),
    ...defined('remoteId', optionalText(row, 'remote_id')),
    ...defined('inputFileId', optionalText(row, 'input_file_id')),
    ...defined('rawStatus', optionalText(row, 'raw_status')),
    ...defined('absentSince', optionalNumber(row, 'absent_since')),
    ...defined('errorCode', optionalText(row, 'error_code')),
    ...defined('errorMessage', optionalText(row, 'error_message')),
    ...defined('submittedAt', optionalNumber(row, 'submitted_at')),
    ...defined('endedAt', optionalNumber(row, 'ended_at')),
    ...defined('expiresAt', optionalNumber(row, 'expires_at')),
  };
}

/** `{ [key]: value }`, or nothing when the value is undefined. */
export function defined<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  // The computed key widens to an index signature; the shape is what the signature says.
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
