import { describe, expect, it, vi } from 'vitest';
import { nameOf, runCase } from './crash-case.ts';
import { matrixCases, shortForm } from './crash-matrix.ts';
import { pointsOf, ways } from './crash-points.ts';

vi.setConfig({ testTimeout: 60_000 });

// The whole form, five seeds and all pairs: `npm run crash`.
describe.concurrent('killed, perhaps again, and started again, every job has one result and is paid once', () => {
  it.for(matrixCases(shortForm).map((given) => [nameOf(given), given] as const))(
    '%s',
    async ([, given], { onTestFinished }) => {
      const report = await runCase(onTestFinished, given);
      expect(report.violations).toEqual([]);
      expect(report.verdict).toMatchObject({ lost: 0, duplicated: 0, unexpected: 0, paidTwice: 0 });
    },
  );
});

it('every way has its points', () => {
  for (const way of ways) expect(pointsOf(way).length).toBeGreaterThanOrEqual(way === 'realtime' ? 4 : 15);
});
