import { describe, expect, test } from 'vitest';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { createKept } from './kept.ts';

function counting(fails: () => boolean = () => false) {
  const clock = createFakeClock();
  let made = 0;
  const get = createKept(clock, 1_000, async () => {
    made += 1;
    const mine = made;
    await clock.sleep(100);
    if (fails()) throw new Error(`failed ${mine}`);
    return mine;
  });
  return { clock, get, made: () => made };
}

describe('a kept value', () => {
  test('is made once for all who ask at the same time', async () => {
    const { clock, get, made } = counting();
    const all = Promise.all(Array.from({ length: 100 }, get));
    expect(new Set(await clock.runUntil(all))).toEqual(new Set([1]));
    expect(made()).toBe(1);
  });

  test('is made anew when its time is over, counted from when it was there', async () => {
    const { clock, get } = counting();
    await clock.runUntil(get());
    await clock.advance(999);
    expect(await clock.runUntil(get())).toBe(1);
    await clock.advance(1);
    expect(await clock.runUntil(get())).toBe(2);
  });

  test('a clock that was set back does not keep it for ever', async () => {
    const { clock, get } = counting();
    await clock.runUntil(get());
    clock.jump(-86_400_000);
    expect(await clock.runUntil(get())).toBe(2);
  });

  test('a failure is told to all who wait, and tried again by the next', async () => {
    let broken = true;
    const { clock, get } = counting(() => broken);
    const both = Promise.allSettled([get(), get()]);
    const outcomes = await clock.runUntil(both);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    broken = false;
    expect(await clock.runUntil(get())).toBe(2);
  });
});
