import { expect, test } from 'vitest';
import { everyDay } from './every-day.ts';

test('a day without spending is zero, not missing', () => {
  const rows = [
    { day: '2026-02-28', cost_usd: 1, savings_usd: 2 },
    { day: '2026-03-02', cost_usd: 3, savings_usd: 4 },
  ];
  expect(everyDay(rows, '2026-02-28', '2026-03-02')).toEqual([
    rows[0],
    { day: '2026-03-01', cost_usd: 0, savings_usd: 0 },
    rows[1],
  ]);
});

test('a span without end is cut', () => {
  expect(everyDay([], '1970-01-01', '2026-01-01')).toHaveLength(400);
});
