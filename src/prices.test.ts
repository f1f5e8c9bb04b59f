import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { costNanoUsd, priceOf } from './prices.ts';
import { estimateTokens } from './usage.ts';

describe('the price of a model', () => {
  test('by its name, and a dated snapshot has that of its base', () => {
    expect(priceOf('openai', 'gpt-5-mini')).toEqual({ input: 0.25, output: 2, cacheRead: 0.025, batchFactor: 0.5 });
    expect(priceOf('openai', 'gpt-5-mini-2025-08-07')).toEqual(priceOf('openai', 'gpt-5-mini'));
    expect(priceOf('ollama', 'llama3.2:latest')).toEqual({ input: 0, output: 0, batchFactor: 1 });
  });

  test.each([
    ['openai', 'gpt-99'],
    ['openai', 'gpt-5-mini-2025'],
    ['openai', 'gpt-5-minimal'],
    ['openai', ''],
    ['nobody', 'gpt-5-mini'],
  ])('%s %s has none, which is not zero', (provider, model) => expect(priceOf(provider, model)).toBeUndefined());

  // Fails now: the table is read through the prototype; `Object.hasOwn` would not.
  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'])(
    'a model called %s has none',
    (name) => {
      expect(priceOf('openai', name)).toBeUndefined();
      expect(priceOf(name, 'gpt-5-mini')).toBeUndefined();
      expect(priceOf(name, name)).toBeUndefined();
    },
  );
});

describe('what tokens cost', () => {
  const price = { input: 0.25, output: 2, cacheRead: 0.025, batchFactor: 0.5 };

  test('by hand', () => {
    const usage = { inputTokens: 1_000_000, outputTokens: 1_000_000 };
    expect(costNanoUsd(price, usage, false)).toBe(2_250_000_000);
    expect(costNanoUsd(price, usage, true)).toBe(1_125_000_000);
    expect(costNanoUsd(price, { ...usage, cachedTokens: 400_000 }, false)).toBe(
      150_000_000 + 10_000_000 + 2_000_000_000,
    );
    expect(costNanoUsd(price, { inputTokens: 0, outputTokens: 0 }, true)).toBe(0);
    expect(costNanoUsd({ input: 0, output: 0, batchFactor: 1 }, usage, false)).toBe(0);
  });

  test('more cached tokens than there were is no refund', () => {
    expect(costNanoUsd(price, { inputTokens: 10, outputTokens: 0, cachedTokens: 1_000_000 }, false)).toBe(250);
  });

  test('a whole number, never negative, never more in a batch than in realtime', () => {
    const tokens = fc.nat(10_000_000);
    fc.assert(
      fc.property(tokens, tokens, tokens, (inputTokens, outputTokens, cachedTokens) => {
        const usage = { inputTokens, outputTokens, cachedTokens };
        const [batch, realtime] = [costNanoUsd(price, usage, true), costNanoUsd(price, usage, false)];
        expect(Number.isSafeInteger(batch) && Number.isSafeInteger(realtime)).toBe(true);
        expect(batch).toBeGreaterThanOrEqual(0);
        expect(batch).toBeLessThanOrEqual(realtime);
      }),
    );
  });
});

test('the estimate rounds up', () => expect([0, 1, 4, 5].map(estimateTokens)).toEqual([0, 1, 1, 2]));
