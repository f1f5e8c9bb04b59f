import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { OffpeakError } from './errors.ts';
import { genaiPricesVersion, loadGenaiPrices } from './genai-prices.ts';
import { createPriceList, type PriceList, type PriceOverride } from './price-list.ts';
import { priceTable, providerTerms } from './price-table.ts';
import { costNanoUsd, type Price } from './prices.ts';
import type { Usage } from './usage.ts';

const autumn = new Date('2026-11-20T12:00:00Z');
const now = () => autumn;
let list: PriceList;
beforeAll(async () => {
  list = await createPriceList({ now });
});

function known(provider: string, model: string): Price {
  const price = list.priceOf(provider, model);
  if (!price) throw new Error(`no price for ${provider}:${model}`);
  return price;
}

describe('reckoned by hand from the price pages', () => {
  const table: [string, string, Usage, realtime: number, batch: number][] = [
    ['openai', 'gpt-5-mini', { inputTokens: 1000, outputTokens: 200 }, 650_000, 325_000],
    ['openai', 'gpt-5-mini', { inputTokens: 1000, outputTokens: 200, cachedTokens: 400 }, 560_000, 280_000],
    ['openai', 'gpt-5.4', { inputTokens: 1_000_000, outputTokens: 0, cachedTokens: 1_000_000 }, 5e8, 2.5e8],
    ['openai', 'gpt-4o', { inputTokens: 1_000_000, outputTokens: 1_000_000 }, 12.5e9, 6.25e9],
    ['openai', 'text-embedding-3-small', { inputTokens: 1, outputTokens: 0 }, 20, 10],
    // Half of 5 nano-dollars, up.
    ['openai', 'gpt-5-nano', { inputTokens: 1, outputTokens: 0, cachedTokens: 1 }, 5, 3],
    // To 272,000 tokens of input, and above.
    ['openai', 'gpt-6-sol', { inputTokens: 272_000, outputTokens: 1000 }, 554_000_000, 277_000_000],
    ['openai', 'gpt-6-sol', { inputTokens: 300_000, outputTokens: 1000 }, 1_215_000_000, 607_500_000],
    ['openai', 'gpt-6-sol', { inputTokens: 1000, outputTokens: 0, cacheWriteTokens: 1000 }, 2_500_000, 1_250_000],
    [
      'anthropic',
      'claude-opus-5-5',
      {
        inputTokens: 10_000,
        outputTokens: 500,
        cachedTokens: 4000,
        cacheWriteTokens: 3000,
        longCacheWriteTokens: 1000,
      },
      8_000_000 + 800_000 + 15_000_000 + 8_000_000 + 10_000_000,
      20_900_000,
    ],
    // No cache price was found: reads at the input price, writes at 1.25 and 2 times of it.
    [
      'anthropic',
      'claude-sonnet-5-5',
      { inputTokens: 1000, outputTokens: 10, cachedTokens: 400, cacheWriteTokens: 100, longCacheWriteTokens: 100 },
      800_000 + 800_000 + 250_000 + 400_000 + 100_000,
      1_175_000,
    ],
    ['anthropic', 'claude-haiku-4-5', { inputTokens: 1_000_000, outputTokens: 1_000_000 }, 6e9, 3e9],
    ['anthropic', 'claude-sonnet-4-6', { inputTokens: 300_000, outputTokens: 0 }, 900_000_000, 450_000_000],
    // Cache reads cost the same in a batch.
    [
      'gemini',
      'gemini-2.5-flash',
      { inputTokens: 10_000, outputTokens: 1000, cachedTokens: 6000 },
      1_200_000 + 180_000 + 2_500_000,
      600_000 + 180_000 + 1_250_000,
    ],
    ['gemini', 'gemini-2.5-pro', { inputTokens: 200_000, outputTokens: 100 }, 251_000_000, 125_500_000],
    ['gemini', 'gemini-2.5-pro', { inputTokens: 250_000, outputTokens: 100 }, 626_500_000, 313_250_000],
    ['gemini', 'gemini-3.8-flash', { inputTokens: 1_000_000, outputTokens: 1_000_000 }, 4.5e9, 2.25e9],
    ['gemini', 'gemini-embedding-001', { inputTokens: 1000, outputTokens: 0 }, 150_000, 75_000],
    ['ollama', 'llama3.2:latest', { inputTokens: 5000, outputTokens: 5000 }, 0, 0],
    ['groq', 'llama-3.1-8b-instant', { inputTokens: 1000, outputTokens: 1000 }, 130_000, 65_000],
    ['xai', 'grok-3', { inputTokens: 1000, outputTokens: 0 }, 3_000_000, 3_000_000],
  ];
  test.each(table)('%s:%s %j', (provider, model, usage, realtime, batch) => {
    expect(costNanoUsd(known(provider, model), usage, false)).toBe(realtime);
    expect(costNanoUsd(known(provider, model), usage, true)).toBe(batch);
  });
});

describe('which model a name means', () => {
  test.each([
    ['openai', 'gpt-5-mini-2025-08-07', 'gpt-5-mini'],
    ['openai', 'gpt-5.6', 'gpt-5.6-sol'],
    ['openai', 'gpt-5-nano-2025-08-07', 'gpt-5-nano'],
    ['anthropic', 'claude-opus-4-5-20251101', 'claude-opus-4-5'],
    ['anthropic', 'claude-haiku-4-5@20251001', 'claude-haiku-4-5'],
    ['gemini', 'models/gemini-2.5-pro', 'gemini-2.5-pro'],
    ['gemini', 'gemini-2.5-flash-preview-09-2025', 'gemini-2.5-flash'],
    ['gemini', 'gemini-2.5-flash-001', 'gemini-2.5-flash'],
    ['gemini', 'gemini-3.5-flash-001', 'gemini-3.5-flash'],
    ['azure', 'gpt-4.1-mini', 'gpt-4.1-mini'],
  ])('%s:%s costs what %s costs', (provider, model, base) => {
    const { input, output, cacheRead, tiers } = known(provider, base);
    expect(known(provider, model)).toEqual({
      ...known(provider, model),
      input,
      output,
      ...(cacheRead === undefined ? {} : { cacheRead }),
      ...(tiers ? { tiers } : {}),
    });
  });

  test('our own table stands first, also for an alias that only the package knows', () => {
    for (const name of ['gpt-5.6-sol', 'gpt-5.6', 'gpt-5.6-sol-2026-08-21']) {
      expect(known('openai', name)).toMatchObject({ source: 'the table of Offpeak', checkedOn: '2026-09-23' });
    }
    expect(known('anthropic', 'claude-opus-5').checkedOn).toBe('2026-10-02');
  });

  test('a snapshot that is priced apart', () => {
    expect(known('openai', 'gpt-4o-2024-05-13')).toMatchObject({ input: 5, output: 15 });
  });

  test.each([
    ['openai', 'gpt-99'],
    ['openai', 'gpt-5-mini-my-finetune'],
    ['openai', 'gpt-5-minimal'],
    ['openai', ''],
    ['openai', '*'],
    // The package takes these for claude-sonnet-5, gemini-3.8-flash, gemini-2.5-pro and o4-mini.
    ['anthropic', 'claude-sonnet-5-9'],
    ['gemini', 'gemini-3.8-flash-lite'],
    ['gemini', 'gemini-2.5-pro-my-tuned'],
    ['azure', 'my-o4-mini-deployment'],
    // Charged by the hour or the page; free of charge on a plan; without a price for its answers.
    ['openai', 'whisper-1'],
    ['mistral', 'mistral-ocr-latest'],
    ['gemini', 'gemma-3-27b-it'],
    ['azure', 'davinci-002'],
    ['deepinfra', 'meta-llama/Llama-3-8b-chat-hf'],
    ['my-openai-server', 'gpt-5-mini'],
    ['nobody', 'gpt-5-mini'],
  ])('%s:%s has no price, which is not zero', (provider, model) => {
    expect(list.priceOf(provider, model)).toBeUndefined();
    expect(list.priceOf(provider, model)).toBeUndefined();
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf'])('nor has %s', (name) => {
    for (const provider of [...Object.keys(priceTable), name]) {
      if (provider !== 'ollama') expect(list.priceOf(provider, name)).toBeUndefined();
    }
  });

  test('models that only the package knows carry their source', () => {
    expect(known('openai', 'o3')).toMatchObject({
      input: 2,
      output: 8,
      batch: { factor: 0.5 },
      source: expect.stringContaining('genai-prices'),
    });
    expect(known('anthropic', 'claude-sonnet-4-5').tiers?.[0]).toEqual({
      aboveInputTokens: 200_000,
      input: 6,
      output: 22.5,
      cacheRead: 0.6,
      cacheWrite: 7.5,
      longCacheWrite: 12,
    });
  });
});

describe('time', () => {
  test('the price is that of the day, also in a worker that runs over New Year', async () => {
    let time = new Date('2026-12-31T23:59:00Z');
    const prices = await createPriceList({ now: () => time });
    expect(prices.priceOf('gemini', 'gemini-3.8-flash')).toMatchObject({ input: 0.75, output: 3.75 });
    time = new Date('2027-01-01T00:00:00Z');
    expect(prices.priceOf('gemini', 'gemini-3.8-flash')).toMatchObject({ input: 1.5, output: 7.5, cacheRead: 0.15 });
  });

  test('the same object is given while it holds', () => expect(known('openai', 'o3')).toBe(known('openai', 'o3')));
});

describe('the configuration', () => {
  const priced = async (overrides: Record<string, PriceOverride>, provider: string, model: string) =>
    (await createPriceList({ overrides, now })).priceOf(provider, model);

  test('a model that no list knows', async () => {
    const own = { input: 0.1, output: 0.2, cache_read: 0.05, cache_write: 0.15, batch_factor: 0.8 };
    expect(await priced({ 'vllm:my:model': own }, 'vllm', 'my:model')).toEqual({
      input: 0.1,
      output: 0.2,
      cacheRead: 0.05,
      cacheWrite: 0.15,
      batch: { factor: 0.8 },
      source: 'your configuration',
    });
    expect(await priced({ 'vllm:m': { input: 0.1, output: 0 } }, 'vllm', 'm')).toMatchObject({
      batch: { factor: 1, note: expect.stringContaining('batch_factor') },
    });
  });

  test('half the input price halves the cache prices and the tiers; what is named is as named', async () => {
    expect(await priced({ 'openai:gpt-6-sol': { input: 1 } }, 'openai', 'gpt-6-sol')).toMatchObject({
      input: 1,
      output: 10,
      cacheRead: 0.1,
      cacheWrite: 1.25,
      tiers: [{ aboveInputTokens: 272_000, input: 2, output: 15, cacheRead: 0.2, cacheWrite: 2.5 }],
    });
    const some = { output: 5, cache_read: 0.05, cache_write: 0 };
    expect(await priced({ 'openai:gpt-6-sol': some }, 'openai', 'gpt-6-sol')).toMatchObject({
      input: 2,
      output: 5,
      cacheRead: 0.05,
      cacheWrite: 0,
      tiers: [{ input: 4, output: 7.5, cacheRead: 0.1, cacheWrite: 0 }],
    });
  });

  test('a whole provider, and a model above it; others stay as they are', async () => {
    const overrides = { 'xai:*': { batch_factor: 0.75 }, 'xai:grok-3': { output: 10 }, 'ollama:big': { input: 1 } };
    const prices = await createPriceList({ overrides, now });
    expect(prices.priceOf('xai', 'grok-4')).toMatchObject({ input: 3, output: 15, batch: { factor: 0.75 } });
    expect(prices.priceOf('xai', 'grok-4')?.batch.note).toBeUndefined();
    expect(prices.priceOf('xai', 'grok-3')).toMatchObject({ input: 3, output: 10, batch: { factor: 0.75 } });
    expect(prices.priceOf('xai', 'grok-99')).toBeUndefined();
    expect(prices.priceOf('ollama', 'big')).toMatchObject({ input: 1, output: 0 });
    expect(prices.priceOf('openai', 'gpt-5-mini')).toEqual(list.priceOf('openai', 'gpt-5-mini'));
    expect(list.priceOf('xai', 'grok-4')).toMatchObject({ batch: { factor: 1, note: expect.any(String) } });
  });

  test('a cheaper batch leaves the cache reads of Gemini as they are', async () => {
    const price = await priced({ 'gemini:*': { batch_factor: 0.25 } }, 'gemini', 'gemini-2.5-flash');
    expect(price?.batch).toEqual({ factor: 0.25, cacheReadFactor: 1 });
  });

  test.each<[string, unknown, RegExp]>([
    ['gpt-5-mini', { input: 1 }, /"gpt-5-mini".*provider:model/],
    ['openai:', { input: 1 }, /"openai:".*provider:model/],
    ['openai:gpt-5-mini', { inputs: 1 }, /unknown field "inputs".*cache_read/],
    ['openai:gpt-5-mini', { input: '1' }, /number from 0 to 1000000 as input/],
    ['openai:gpt-5-mini', { input: -1 }, /as input/],
    ['openai:gpt-5-mini', { output: Number.NaN }, /as output/],
    ['openai:gpt-5-mini', { batch_factor: 1.5 }, /number from 0 to 1 as batch_factor/],
    ['openai:gpt-5-mini', 3, /must hold some of/],
    ['openai:gpt-99', { input: 1 }, /needs output,.*no list knows/],
    ['openai:gpt-99', { batch_factor: 0.5 }, /needs input and output,/],
  ])('%s %j is refused in words', async (key, override, words) => {
    const overrides = { [key]: override as PriceOverride };
    const error = await createPriceList({ overrides, now }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OffpeakError);
    expect(error).toMatchObject({ code: 'config', message: expect.stringMatching(words) });
  });
});

describe('the two lists', () => {
  test('agree wherever both know a model: an update of the package that differs is looked at', async () => {
    const find = await loadGenaiPrices();
    const unknown: string[] = [];
    for (const [provider, models] of Object.entries(priceTable)) {
      const { genaiId } = providerTerms[provider] ?? {};
      for (const [model, row] of Object.entries(models)) {
        const found = genaiId === undefined ? undefined : find(genaiId, model, autumn);
        if (!found) unknown.push(`${provider}:${model}`);
        else {
          const { until: _, ...rates } = row;
          expect({ model, ...found }).toMatchObject({ model, ...rates });
        }
      }
    }
    expect(unknown).toEqual(['anthropic:claude-sonnet-5-5', 'ollama:*']);
  });

  test('the version that is named is the one that is pinned', () => {
    const { dependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(dependencies['@pydantic/genai-prices']).toBe(genaiPricesVersion);
  });
});
