import { describe, expect, test } from 'vitest';
import { costNanoUsd } from './prices.ts';

describe('costNanoUsd', () => {
  const tokens = { input: 1000, output: 100 };

  test('list price in realtime, half in a batch', () => {
    expect(costNanoUsd('gpt-5-mini', tokens, 'realtime')).toBe(1000 * 250 + 100 * 2000);
    expect(costNanoUsd('gpt-5-mini', tokens, 'batch')).toBe(1000 * 125 + 100 * 1000);
    expect(costNanoUsd('gpt-5-mini-2025-08-07', tokens, 'batch')).toBe(225_000);
    expect(costNanoUsd('claude-haiku-4-5-20251001', tokens, 'batch')).toBe(750_000);
    expect(costNanoUsd('gemini-2.5-flash', tokens, 'batch')).toBe(275_000);
  });

  test('cached tokens: halved too, but not at Gemini; writes cost more', () => {
    const cached = { input: 0, output: 0, cacheRead: 1000 };
    expect(costNanoUsd('claude-opus-5-5', cached, 'realtime')).toBe(200_000);
    expect(costNanoUsd('claude-opus-5-5', cached, 'batch')).toBe(100_000);
    expect(costNanoUsd('gpt-5-mini', cached, 'batch')).toBe(12_500);
    expect(costNanoUsd('gemini-2.5-flash', cached, 'batch')).toBe(30_000);
    expect(costNanoUsd('claude-haiku-4-5', { input: 0, output: 0, cacheWrite5m: 1000 }, 'batch')).toBe(625_000);
    expect(costNanoUsd('claude-haiku-4-5', { input: 0, output: 0, cacheWrite1h: 1000 }, 'batch')).toBe(1_000_000);
  });

  test('is rounded once, half up', () => {
    // 0.005 USD per million is 5 nano-USD a token; half of three such tokens is 7.5.
    expect(costNanoUsd('gpt-5-nano', { input: 0, output: 0, cacheRead: 3 }, 'batch')).toBe(8);
    expect(costNanoUsd('gpt-5-nano', { input: 0, output: 0, cacheRead: 1 }, 'batch')).toBe(3);
  });

  test('says so when a price is not known', () => {
    expect(costNanoUsd('llama3.2', tokens, 'batch')).toBeUndefined();
    expect(costNanoUsd('__proto__', tokens, 'batch')).toBeUndefined();
    expect(costNanoUsd('claude-sonnet-5-5', tokens, 'batch')).toBe(1_500_000);
    expect(costNanoUsd('claude-sonnet-5-5', { ...tokens, cacheRead: 1 }, 'batch')).toBeUndefined();
  });
});
