import type { JobCounts } from '../../job.ts';
import { percentOf } from './figures.ts';

type Ended = Pick<JobCounts, 'succeeded' | 'failed' | 'cancelled' | 'skipped'>;

export function endedOf({ succeeded, failed, cancelled, skipped }: Ended): number {
  return succeeded + failed + cancelled + skipped;
}

/** Succeeded of the jobs that have ended, in per cent; 0 while none has. */
export function successRateOf(counts: Ended): number {
  return percentOf(counts.succeeded, endedOf(counts));
}

export function failureRateOf(counts: Ended): number {
  return percentOf(counts.failed, endedOf(counts));
}
