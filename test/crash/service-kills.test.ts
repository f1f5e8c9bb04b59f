import { expect, onTestFinished, test } from 'vitest';
import { killService } from './service-kill-run.ts';

// The long form, 10,000 jobs and 20 kills: `npm run crash -- --service`.
test('jobs that a killed server has acknowledged end exactly once, and cost what was charged', async () => {
  const report = await killService(onTestFinished, { seed: 1, jobs: 400, clients: 8, kills: 3 });
  expect(report.violations).toEqual([]);
  expect(report.verdict).toMatchObject({ lost: 0, duplicated: 0, unexpected: 0, paidTwice: 0 });
  expect(report.kills).toBe(3);
}, 120_000);
