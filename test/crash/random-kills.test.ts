import { expect, test } from 'vitest';
import { killAtRandom } from './random-kill-run.ts';

// The long form: `node test/crash/random-kills.ts --runs 100`.
test('killed at random moments, nothing is lost, doubled or paid twice', { timeout: 120_000 }, async () => {
  const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
  const violations: string[] = [];
  const totals = await killAtRandom({
    seed,
    runs: 5,
    onRun: (report) => violations.push(...report.violations.map((words) => `seed ${report.seed}: ${words}`)),
  });
  expect(violations).toEqual([]);
  expect(totals).toMatchObject({ runs: 5, lost: 0, duplicated: 0, unexpected: 0, paidTwice: 0 });
  expect(totals.kills).toBeGreaterThan(0);
});
