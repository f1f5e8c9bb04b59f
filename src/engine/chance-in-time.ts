import type { BatchDuration } from '../store-rows.ts';

/** Believed beside a history that does not say enough: most end within the hour, some take the whole day. */
const belief: readonly BatchDuration[] = [10, 30, 60, 120, 240, 480, 1440].map((minutes) => ({
  durationMs: minutes * 60_000,
  wasStopped: false,
}));
const enough = 20;

/**
 * The chance that a batch of this age ends within the time that is left; 0 to 1. A batch that was stopped would have
 * taken longer than it ran, nobody knows how much. Taken for its end, the stop would make slow batches look as quick as
 * our deadlines are near; left out, only the quick ones would be known. So its share is divided among those that took
 * longer, which is the Kaplan-Meier estimate (Efron's form of it). The share of one that none outlasted never ends in time.
 */
export function chanceInTime(durations: readonly BatchDuration[], ageMs: number, leftMs: number): number {
  const known = saysEnough(durations) ? durations : [...durations, ...belief];
  const later = known
    .filter(({ durationMs }) => durationMs > ageMs)
    .sort((a, b) => a.durationMs - b.durationMs || Number(a.wasStopped) - Number(b.wasStopped));
  // Older than any before it: nobody can say.
  if (later.length === 0) return 0;
  let inTime = 0;
  let share = 1;
  for (const [at, { durationMs, wasStopped }] of later.entries()) {
    if (durationMs > ageMs + leftMs) break;
    if (wasStopped) share += share / (later.length - at - 1);
    else inTime += share;
  }
  return Math.min(1, inTime / later.length);
}

/**
 * Only an end teaches how long a batch takes. Of what lasts longer than the longest end, stops alone say nothing: by them
 * a deadline in a day would be as hopeless as one in an hour, no batch be sent, and nothing learned ever after.
 */
function saysEnough(durations: readonly BatchDuration[]): boolean {
  const ends = durations.filter(({ wasStopped }) => !wasStopped).map(({ durationMs }) => durationMs);
  const longestEnd = Math.max(0, ...ends);
  return ends.length >= enough && durations.every(({ durationMs }) => durationMs <= longestEnd);
}
