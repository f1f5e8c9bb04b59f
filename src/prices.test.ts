import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundNanoUsd, costNanoUsd, type Price, priceOf, type Rates } from './prices.ts';
import { estimateTokens, type Usage } from './usage.ts';

const made = (rates: Omit<Price, 'batch' | 'source'> & Partial<Price>): Price => ({
  batch: { factor: 0.5 },
  source: 'a test',
  ...rates,
});

describe('the price of a model', () => {
  test('by its name, and a dated snapshot has that of its base', () => {
    expect(priceOf('openai', 'gpt-5-mini')).toMatchObject({ input: 0.25, output: 2, cacheRead: 0.025 });
    expect(priceOf('openai', 'gpt-5-mini-2025-08-07')).toEqual(priceOf('openai', 'gpt-5-mini'));
    expect(priceOf('anthropic', 'claude-opus-4-5-20251101')).toEqual(priceOf('anthropic', 'claude-opus-4-5'));
    expect(priceOf('gemini', 'gemini-2.5-flash-001')).toEqual(priceOf('gemini', 'gemini-2.5-flash'));
    expect(priceOf('ollama', 'llama3.2:latest')).toMatchObject({ input: 0, output: 0, batch: { factor: 1 } });
  });

  test('a snapshot that is dearer than its base name keeps its own', () => {
    expect(priceOf('openai', 'gpt-4o-2024-05-13')).toMatchObject({ input: 5, output: 15 });
    expect(priceOf('openai', 'gpt-4o-2024-08-06')).toMatchObject({ input: 2.5, output: 10 });
  });

  test('an introductory price is not believed after its last day', () => {
    const on = (time: string) => priceOf('gemini', 'gemini-3.8-flash', new Date(time));
    expect(on('2026-12-31T23:59:59Z')).toMatchObject({ input: 0.75, output: 3.75 });
    expect(on('2027-01-01T00:00:00Z')).toBeUndefined();
  });

  test.each([
    ['openai', 'gpt-99'],
    ['openai', 'gpt-5-mini-2025'],
    ['openai', 'gpt-5-minimal'],
    ['openai', ''],
    ['openai', '*'],
    ['nobody', 'gpt-5-mini'],
  ])('%s %s has none, which is not zero', (provider, model) => expect(priceOf(provider, model)).toBeUndefined());

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
  const price = made({ input: 0.25, output: 2, cacheRead: 0.025 });

  test('by hand', () => {
    const usage = { inputTokens: 1_000_000, outputTokens: 1_000_000 };
    expect(costNanoUsd(price, usage, false)).toBe(2_250_000_000);
    expect(costNanoUsd(price, usage, true)).toBe(1_125_000_000);
    expect(costNanoUsd(price, { ...usage, cachedTokens: 400_000 }, false)).toBe(
      150_000_000 + 10_000_000 + 2_000_000_000,
    );
    expect(costNanoUsd(price, { inputTokens: 0, outputTokens: 0 }, true)).toBe(0);
    expect(costNanoUsd(made({ input: 0, output: 0 }), usage, false)).toBe(0);
  });

  test('rounded once, half up: two halves of a nano-dollar are one, a third of one is none', () => {
    const halves = made({ input: 0.0005, output: 0.0005 });
    expect(costNanoUsd(halves, { inputTokens: 1, outputTokens: 0 }, false)).toBe(1);
    expect(costNanoUsd(halves, { inputTokens: 1, outputTokens: 1 }, false)).toBe(1);
    expect(costNanoUsd(made({ input: 0.000333, output: 0 }), { inputTokens: 1, outputTokens: 0 }, false)).toBe(0);
    // 5 nano-dollars halved.
    expect(costNanoUsd(made({ input: 0.005, output: 0 }), { inputTokens: 1, outputTokens: 0 }, true)).toBe(3);
  });

  test('a factor of four fifths is that, not 0.8 in binary', () => {
    const fifth = made({ input: 0.1, output: 0.2, batch: { factor: 0.8 } });
    for (const count of [1, 7, 12_345, 9_999_999]) {
      expect(costNanoUsd(fifth, { inputTokens: count, outputTokens: 0 }, true)).toBe(count * 80);
    }
  });

  test('without a cache price, cache reads and writes are plain input', () => {
    const plain = made({ input: 2, output: 10 });
    const usage = { inputTokens: 1000, outputTokens: 0, cachedTokens: 300, cacheWriteTokens: 200 };
    expect(costNanoUsd(plain, { ...usage, longCacheWriteTokens: 100 }, false)).toBe(2_000_000);
    expect(costNanoUsd(made({ input: 2, output: 10, cacheWrite: 3 }), usage, false)).toBe(2_200_000);
    // The hour's write has the price of the other when it has none of its own.
    const long = { inputTokens: 1000, outputTokens: 0, longCacheWriteTokens: 1000 };
    expect(costNanoUsd(made({ input: 2, output: 10, cacheWrite: 3 }), long, false)).toBe(3_000_000);
  });

  test('more cached tokens than there were is no refund, nonsense is no money', () => {
    expect(costNanoUsd(price, { inputTokens: 10, outputTokens: 0, cachedTokens: 1_000_000 }, false)).toBe(250);
    const both = { inputTokens: 10, outputTokens: 0, cachedTokens: 8, cacheWriteTokens: 8, longCacheWriteTokens: 8 };
    expect(costNanoUsd(made({ input: 1, output: 1, cacheWrite: 2, longCacheWrite: 9 }), both, false)).toBe(
      8 * 1000 + 2 * 2000,
    );
    for (const count of [Number.NaN, -5, 0.5]) {
      expect(costNanoUsd(price, { inputTokens: count, outputTokens: count, cachedTokens: count }, true)).toBe(0);
    }
    expect(costNanoUsd(price, { inputTokens: Number.POSITIVE_INFINITY, outputTokens: 0 }, true)).toBe(
      Number.MAX_SAFE_INTEGER,
    );
  });

  test('a count beyond what pico-dollars fit in is still exact', () => {
    // 10 milliard tokens at 50 USD: 5 x 10^17 pico-dollars.
    const dear = made({ input: 50, output: 0 });
    expect(costNanoUsd(dear, { inputTokens: 10_000_000_001, outputTokens: 0 }, false)).toBe(500_000_000_050_000);
    expect(costNanoUsd(dear, { inputTokens: 10_000_000_001, outputTokens: 0 }, true)).toBe(250_000_000_025_000);
  });

  test('a long request is priced whole at its tier', () => {
    const tiered = made({
      input: 1,
      output: 10,
      tiers: [
        { aboveInputTokens: 100, input: 2, output: 20 },
        { aboveInputTokens: 200, input: 4, output: 30 },
      ],
    });
    const cost = (inputTokens: number) => costNanoUsd(tiered, { inputTokens, outputTokens: 1 }, false);
    expect([100, 101, 200, 201].map(cost)).toEqual([110_000, 222_000, 420_000, 834_000]);
  });
});

const tokens = fc.oneof(
  fc.nat(3_000_000),
  fc.nat(50),
  fc.maxSafeNat().map((n) => n % 20_000_000_000),
);
const usages: fc.Arbitrary<Usage> = fc
  .tuple(tokens, tokens, fc.array(fc.nat(100), { minLength: 4, maxLength: 4 }))
  .map(([inputTokens, outputTokens, parts]) => {
    const all = Math.max(1, parts[0] ?? 0) + (parts[1] ?? 0) + (parts[2] ?? 0) + (parts[3] ?? 0);
    const part = (at: number) => Math.floor((inputTokens * (parts[at] ?? 0)) / all);
    const [cachedTokens, cacheWriteTokens, longCacheWriteTokens] = [part(1), part(2), part(3)];
    return { inputTokens, outputTokens, cachedTokens, cacheWriteTokens, longCacheWriteTokens };
  });
const rate = fc.nat(60_000_000).map((pico) => pico / 1_000_000);
const rates: fc.Arbitrary<Rates> = fc.record(
  { input: rate, output: rate, cacheRead: rate, cacheWrite: rate, longCacheWrite: rate },
  { requiredKeys: ['input', 'output'] },
);
const factors = fc.constantFrom(0.5, 0.8, 1, 0, 0.25, 0.333333, 0.7);
const prices: fc.Arbitrary<Price> = fc
  .tuple(rates, fc.option(fc.tuple(fc.nat(2_000_000), rates)), factors, fc.option(factors))
  .map(([base, tier, factor, cacheReadFactor]) =>
    made({
      ...base,
      ...(tier ? { tiers: [{ ...tier[1], aboveInputTokens: tier[0] }] } : {}),
      batch: cacheReadFactor === null ? { factor } : { factor, cacheReadFactor },
    }),
  );

/** The same by the book: everything in BigInt, the factors in millionths. */
function reference(price: Price, usage: Usage, inBatch: boolean): bigint {
  const tier = price.tiers?.findLast((each) => usage.inputTokens > each.aboveInputTokens);
  const set: Rates = tier ?? price;
  const pico = (usd: number) => BigInt(Math.round(usd * 1e6));
  const [cached, written, long] = [usage.cachedTokens, usage.cacheWriteTokens, usage.longCacheWriteTokens].map((n) =>
    BigInt(n ?? 0),
  ) as [bigint, bigint, bigint];
  const plain = BigInt(usage.inputTokens) - cached - written - long;
  const write = set.cacheWrite ?? set.input;
  const rest =
    plain * pico(set.input) +
    written * pico(write) +
    long * pico(set.longCacheWrite ?? write) +
    BigInt(usage.outputTokens) * pico(set.output);
  const factor = pico(inBatch ? price.batch.factor : 1);
  const cacheFactor = pico(inBatch ? (price.batch.cacheReadFactor ?? price.batch.factor) : 1);
  const millionths = rest * factor + cached * pico(set.cacheRead ?? set.input) * cacheFactor;
  return (millionths + 500_000_000n) / 1_000_000_000n;
}

describe('for any price and any usage', () => {
  test('exact, against the same in BigInt', () => {
    fc.assert(
      fc.property(prices, usages, fc.boolean(), (price, usage, inBatch) => {
        expect(BigInt(costNanoUsd(price, usage, inBatch))).toBe(reference(price, usage, inBatch));
      }),
      { numRuns: 3000 },
    );
  });

  test('a whole number, never negative, never more in a batch than in realtime', () => {
    fc.assert(
      fc.property(prices, usages, (price, usage) => {
        const [batch, realtime] = [costNanoUsd(price, usage, true), costNanoUsd(price, usage, false)];
        expect(Number.isSafeInteger(batch) && Number.isSafeInteger(realtime)).toBe(true);
        expect(batch).toBeGreaterThanOrEqual(0);
        expect(batch).toBeLessThanOrEqual(realtime);
      }),
    );
  });

  test('more tokens never cost less, as long as a long request is not cheaper', () => {
    fc.assert(
      fc.property(rates, factors, usages, tokens, tokens, (base, factor, usage, more, longer) => {
        const price = made({ ...base, batch: { factor } });
        const grown = { ...usage, inputTokens: usage.inputTokens + more, outputTokens: usage.outputTokens + longer };
        expect(costNanoUsd(price, grown, true)).toBeGreaterThanOrEqual(costNanoUsd(price, usage, true));
      }),
    );
  });

  test('rows add up to their run, within half a nano-dollar a row', () => {
    fc.assert(
      fc.property(rates, factors, fc.array(usages, { minLength: 1, maxLength: 20 }), (base, factor, rows) => {
        const price = made({ ...base, batch: { factor } });
        const sum = rows.reduce((total, usage) => total + BigInt(costNanoUsd(price, usage, true)), 0n);
        const add = (name: keyof Usage) => rows.reduce((total, usage) => total + (usage[name] ?? 0), 0);
        const together: Usage = {
          inputTokens: add('inputTokens'),
          outputTokens: add('outputTokens'),
          cachedTokens: add('cachedTokens'),
          cacheWriteTokens: add('cacheWriteTokens'),
          longCacheWriteTokens: add('longCacheWriteTokens'),
        };
        const apart = sum - reference(price, together, true);
        expect(apart < 0n ? -apart : apart).toBeLessThanOrEqual(BigInt(rows.length));
      }),
    );
  });

  test('nothing that fits the size costs more than the bound', () => {
    fc.assert(
      fc.property(prices, usages, fc.nat(5000), fc.boolean(), (price, usage, room, inBatch) => {
        const size = {
          inputTokens: 0,
          maxInputTokens: usage.inputTokens + room,
          maxOutputTokens: usage.outputTokens + room,
        };
        expect(boundNanoUsd(price, size, inBatch)).toBeGreaterThanOrEqual(costNanoUsd(price, usage, inBatch));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the most that a request can cost', () => {
  const price = made({
    input: 2,
    output: 10,
    cacheRead: 0.2,
    cacheWrite: 2.5,
    longCacheWrite: 4,
    tiers: [{ aboveInputTokens: 200_000, input: 6, output: 15 }],
  });
  const size = { inputTokens: 10, maxInputTokens: 100, maxOutputTokens: 50 };

  test('by hand: all input at the dearest rate, the longest answer', () => {
    expect(boundNanoUsd(price, size, false)).toBe(100 * 4000 + 50 * 10_000);
    expect(boundNanoUsd(price, size, true)).toBe((100 * 4000 + 50 * 10_000) / 2);
    expect(boundNanoUsd(price, { ...size, maxInputTokens: 200_001 }, false)).toBe(200_001 * 6000 + 50 * 15_000);
    expect(boundNanoUsd(price, { ...size, maxInputTokens: 200_000 }, false)).toBe(200_000 * 4000 + 50 * 10_000);
  });

  test('just above a tier that is no dearer than a cache write, the shorter request can cost more', () => {
    const flat = made({ ...price, tiers: [{ aboveInputTokens: 100, input: 1, output: 1 }] });
    expect(boundNanoUsd(flat, { ...size, maxInputTokens: 101 }, false)).toBe(100 * 4000 + 50 * 10_000);
  });

  test('unbounded where nothing bounds the answer, unless answers are free', () => {
    const open = { inputTokens: 10, maxInputTokens: 100 };
    expect(boundNanoUsd(price, open, true)).toBeUndefined();
    expect(boundNanoUsd(made({ input: 0.02, output: 0 }), open, true)).toBe(1000);
    expect(boundNanoUsd(made({ input: 0, output: 0 }), open, false)).toBe(0);
    const later = made({ input: 1, output: 0, tiers: [{ aboveInputTokens: 5, input: 1, output: 1 }] });
    expect(boundNanoUsd(later, open, true)).toBeUndefined();
  });
});

test('the estimate rounds up', () => expect([0, 1, 4, 5].map(estimateTokens)).toEqual([0, 1, 1, 2]));
