import { describe, expect, it, vi } from 'vitest';
import { simulateDays, simulateOne } from './simulate-days.ts';

vi.setConfig({ testTimeout: 120_000 });

// The long form: `npm run simulate -- --days 1000`. A seed that is named here is had again with `--seed S --days 1`.
describe('two workers, a user and three providers through 24 hours, with faults and deaths', () => {
  it.for([1, 101, 201])('ten days from seed %i', async (seed) => {
    const violations: string[] = [];
    const { sums } = await simulateDays(seed, 10, (report) => {
      violations.push(...report.violations.map((words) => `seed ${report.seed}: ${words}`));
    });
    expect(violations).toEqual([]);
    expect(sums.deaths).toBeGreaterThan(0);
    expect(sums.batches).toBeGreaterThan(10);
    expect(sums.succeeded).toBeGreaterThan(sums.jobs / 2);
  });

  it('the same seed is the same day', async () => {
    const [first, second] = [await simulateOne(7), await simulateOne(7)];
    expect(second).toEqual(first);
  });
});
