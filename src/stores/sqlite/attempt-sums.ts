import type { Database } from './database.ts';
import { defined, number, optionalNumber } from './rows.ts';

/** What all attempts of a job came to. */
export interface AttemptSums {
  attempts: number;
  startedAt?: number;
  endedAt?: number;
  inputTokens?: number;
  outputTokens?: number;
  cachedTokens?: number;
  /** Undefined: nothing was used, or a price is not known. */
  costNanoUsd?: number;
}

export function attemptSums(db: Database, job: number): AttemptSums {
  const row = db
    .sql(
      `SELECT count(*) AS attempts, sum(input_tokens) AS input, sum(output_tokens) AS output,
         sum(cached_tokens) AS cached, sum(cost_nano) AS cost, count(input_tokens) - count(cost_nano) AS unpriced,
         min(started_at) AS started, max(ended_at) AS ended
       FROM attempts WHERE job = ?`,
    )
    .get(job);
  if (!row) return { attempts: 0 };
  const isUsed = optionalNumber(row, 'input') !== undefined;
  return {
    attempts: number(row, 'attempts'),
    ...defined('startedAt', optionalNumber(row, 'started')),
    ...defined('endedAt', optionalNumber(row, 'ended')),
    ...defined('inputTokens', optionalNumber(row, 'input')),
    ...(isUsed ? defined('outputTokens', optionalNumber(row, 'output')) : {}),
    ...(isUsed ? defined('cachedTokens', optionalNumber(row, 'cached')) : {}),
    ...(isUsed && number(row, 'unpriced') === 0 ? defined('costNanoUsd', optionalNumber(row, 'cost')) : {}),
  };
}
