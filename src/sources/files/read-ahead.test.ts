import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { readAhead } from './read-ahead.ts';

async function* numbers(count: number, onClose?: () => void): AsyncGenerator<number> {
  try {
    for (let i = 0; i < count; i++) yield i;
  } finally {
    onClose?.();
  }
}

it('keeps the order, and never does more at once than allowed', async () => {
  let active = 0;
  let most = 0;
  const work = async (value: number) => {
    most = Math.max(most, ++active);
    await setTimeout((value * 7) % 5);
    active--;
    return value;
  };
  const results: number[] = [];
  for await (const value of readAhead(numbers(40), work, 8)) results.push(value);
  expect(results).toEqual(Array.from({ length: 40 }, (_, i) => i));
  expect(most).toBe(8);
});

it('throws a failure in its turn, after what came before it, and closes', async () => {
  let closed = false;
  const work = async (value: number) => {
    if (value === 3) throw new Error('third');
    await setTimeout(2);
    return value;
  };
  const results: number[] = [];
  const reading = async () => {
    for await (const value of readAhead(
      numbers(40, () => {
        closed = true;
      }),
      work,
      8,
    ))
      results.push(value);
  };
  await expect(reading()).rejects.toThrow('third');
  expect(results).toEqual([0, 1, 2]);
  expect(closed).toBe(true);
});
