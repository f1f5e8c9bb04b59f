import type { Undo } from '../support/temporary.ts';
import { type DayReport, simulateDay } from './simulate-day.ts';

const none = { runs: 0, jobs: 0, succeeded: 0, batches: 0, deaths: 0, steps: 0 };

/** Day after day, each from a seed of its own; the seeds of those that went wrong. */
export async function simulateDays(
  firstSeed: number,
  days: number,
  onDay: (report: DayReport) => void = () => {},
): Promise<{ sums: typeof none; wrong: number[] }> {
  const sums = { ...none };
  const wrong: number[] = [];
  for (let seed = firstSeed; seed < firstSeed + days; seed++) {
    const report = await simulateOne(seed);
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += report[name];
    if (report.violations.length > 0) wrong.push(seed);
    onDay(report);
  }
  return { sums, wrong };
}

export async function simulateOne(seed: number): Promise<DayReport> {
  const undone: Parameters<Undo>[0][] = [];
  try {
    return await simulateDay((step) => void undone.push(step), seed);
  } finally {
    for (const step of undone.reverse()) await step();
  }
}
