import { jobTypes } from './contract/words.ts';

/**
 * The ids that callers see. A job: `creative_scoring_3f8k2m1`, its type and its number in base 36 (`job_...` for a job
 * that came into no queue). A batch: `openai_12`, its provider and our own number. A run's id is public as it is.
 */

const outsideQueues = 'job';
const prefixes: readonly string[] = [...jobTypes, outsideQueues];

export interface JobId {
  /** Undefined: a job that came into no queue. */
  jobType: string | undefined;
  job: number;
}

export interface BatchId {
  provider: string;
  batch: number;
}

export function jobIdOf(jobType: string | undefined, job: number): string {
  return `${jobType ?? outsideQueues}_${job.toString(36)}`;
}

/** Only exactly what `jobIdOf` gives; undefined for everything else. */
export function parseJobId(id: string): JobId | undefined {
  const cut = id.lastIndexOf('_');
  const prefix = id.slice(0, cut);
  const job = parseNumber(id.slice(cut + 1), 36);
  if (cut < 0 || job === undefined || !prefixes.includes(prefix)) return undefined;
  return { jobType: prefix === outsideQueues ? undefined : prefix, job };
}

export function batchIdOf(provider: string, batch: number): string {
  return `${provider}_${batch}`;
}

/** Only exactly what `batchIdOf` gives; a provider's name may hold `_` itself. */
export function parseBatchId(id: string): BatchId | undefined {
  const cut = id.lastIndexOf('_');
  const batch = parseNumber(id.slice(cut + 1), 10);
  return cut > 0 && batch !== undefined ? { provider: id.slice(0, cut), batch } : undefined;
}

/** One number has one text: no sign, no leading zero, no capital letter. */
function parseNumber(text: string, base: 10 | 36): number | undefined {
  if (!/^[0-9a-z]{1,16}$/.test(text)) return undefined;
  const value = Number.parseInt(text, base);
  return Number.isSafeInteger(value) && value > 0 && value.toString(base) === text ? value : undefined;
}
