import { checkedOn, pricesCheckedOn, rowOf, type TableRow, termsOf } from './price-table.ts';
import type { RequestSize } from './request.ts';
import type { Usage } from './usage.ts';

export { pricesCheckedOn };

/** USD for one million tokens. */
export interface Rates {
  input: number;
  output: number;
  /** Input that was read from a cache; absent: at the input rate. */
  cacheRead?: number;
  /** Input written to a cache for the provider's usual time (five minutes); absent: at the input rate. */
  cacheWrite?: number;
  /** Input written to a cache for an hour; absent: at the rate of the other writes. */
  longCacheWrite?: number;
}

/** A long request is priced at another set of rates, all of it and not only the part above. */
export interface PriceTier extends Rates {
  aboveInputTokens: number;
}

/** What a batch costs of the realtime price. */
export interface BatchTerms {
  factor: number;
  /** The same for cache reads, where it differs. */
  cacheReadFactor?: number;
  /** What a person should know before relying on it. */
  note?: string;
}

/** What a model's tokens cost. An unknown model has no price, which is never zero. */
export interface Price extends Rates {
  /** By `aboveInputTokens`, lowest first. */
  tiers?: readonly PriceTier[];
  batch: BatchTerms;
  /** Where the price comes from, for people. */
  source: string;
  /** Day of the source; absent where it is the user's own word. */
  checkedOn?: string;
}

/**
 * The price of a model by our own table alone; a dated snapshot (`gpt-5-2025-08-07`) has the price of its base name.
 * `createPriceList` knows more models, long-context tiers and the user's configuration.
 */
export function priceOf(provider: string, model: string, at: Date = new Date()): Price | undefined {
  const row = rowOf(provider, model, at);
  return row && tablePrice(provider, row);
}

/** A row of our own table as a price. */
export function tablePrice(provider: string, row: TableRow): Price {
  const { input, output, cacheRead } = row;
  const isFree = input === 0 && output === 0;
  return {
    ...withCacheWrites(provider, cacheRead === undefined ? { input, output } : { input, output, cacheRead }),
    batch: termsOf(provider).batch,
    source: isFree ? 'runs on your own machine' : 'the table of Offpeak',
    ...(isFree ? {} : { checkedOn: checkedOn[provider] ?? pricesCheckedOn }),
  };
}

/** Fills in what writing to a cache costs, where the provider reckons it as a multiple of the input price. */
export function withCacheWrites<R extends Rates>(provider: string, rates: R): R {
  const { cacheWriteFactor, longCacheWriteFactor } = termsOf(provider);
  const filled = { ...rates };
  if (cacheWriteFactor !== undefined) filled.cacheWrite ??= roundRate(rates.input * cacheWriteFactor);
  if (longCacheWriteFactor !== undefined) filled.longCacheWrite ??= roundRate(rates.input * longCacheWriteFactor);
  return filled;
}

/** To whole pico-dollars a token, finer than any list price. */
export function roundRate(usdPerMillion: number): number {
  return picoUsdPerToken(usdPerMillion) / 1_000_000;
}

/**
 * What tokens cost, in nano-dollars (10^-9 USD). Exact until the one rounding at the end, half up: whole pico-dollars a
 * token (USD per million x 10^6), summed as integers, the batch factor as a ratio. So rows add up to their run exactly.
 * Tokens are priced as text: `Usage` does not tell audio or images apart. Measured: 0.2 us a row.
 */
export function costNanoUsd(price: Price, usage: Usage, inBatch: boolean): number {
  const input = wholeCount(usage.inputTokens);
  const cached = Math.min(wholeCount(usage.cachedTokens), input);
  const written = Math.min(wholeCount(usage.cacheWriteTokens), input - cached);
  const longWritten = Math.min(wholeCount(usage.longCacheWriteTokens), input - cached - written);
  const rates = ratesFor(price, input);
  const tokens = [input - cached - written - longWritten, written, longWritten, wholeCount(usage.outputTokens)];
  const write = rates.cacheWrite ?? rates.input;
  const picos = [rates.input, write, rates.longCacheWrite ?? write, rates.output].map(picoUsdPerToken);
  const cachePico = picoUsdPerToken(rates.cacheRead ?? rates.input);
  const factor = inBatch ? ratio(price.batch.factor) : whole;
  const cacheFactor = inBatch ? ratio(price.batch.cacheReadFactor ?? price.batch.factor) : whole;

  // Nano-dollars = (rest x factor + reads x cacheFactor) / 1000, over one denominator.
  const restScale = factor.numerator * cacheFactor.denominator;
  const readScale = cacheFactor.numerator * factor.denominator;
  const denominator = 1000 * factor.denominator * cacheFactor.denominator;
  let rest = 0;
  for (let at = 0; at < tokens.length; at += 1) rest += (tokens[at] ?? 0) * (picos[at] ?? 0);
  const doubled = 2 * (rest * restScale + cached * cachePico * readScale) + denominator;
  // No part is negative: when the sum is a safe integer every part was, and nothing was rounded on the way.
  if (doubled <= Number.MAX_SAFE_INTEGER) return (doubled - (doubled % (2 * denominator))) / (2 * denominator);

  let exactRest = 0n;
  for (let at = 0; at < tokens.length; at += 1) exactRest += BigInt(tokens[at] ?? 0) * BigInt(picos[at] ?? 0);
  const exact = exactRest * BigInt(restScale) + BigInt(cached) * BigInt(cachePico) * BigInt(readScale);
  const nano = (2n * exact + BigInt(denominator)) / BigInt(2 * denominator);
  // A table holds no more; nine million dollars for one row.
  return Math.min(Number(nano), Number.MAX_SAFE_INTEGER);
}

/**
 * The most a request can cost, in nano-dollars, for budgets: all its input at the dearest rate that may apply (plain,
 * written to a cache, above a long-context tier) and the longest answer. Undefined when nothing bounds the answer.
 */
export function boundNanoUsd(price: Price, size: RequestSize, inBatch: boolean): number | undefined {
  const hasOutputPrice = price.output > 0 || (price.tiers ?? []).some((tier) => tier.output > 0);
  if (size.maxOutputTokens === undefined && hasOutputPrice) return undefined;
  const outputTokens = size.maxOutputTokens ?? 0;
  const starts = (price.tiers ?? []).map((tier) => tier.aboveInputTokens);
  // The longest request of every tier that it can reach.
  const lengths = [...starts.filter((start) => start < size.maxInputTokens), size.maxInputTokens];
  const bounds = lengths.flatMap((inputTokens) => {
    const usage = { inputTokens, outputTokens };
    // The cost is linear in how the input divides among the kinds: the dearest is all of one kind.
    return [
      usage,
      { ...usage, cachedTokens: inputTokens },
      { ...usage, cacheWriteTokens: inputTokens },
      { ...usage, longCacheWriteTokens: inputTokens },
    ].map((each) => costNanoUsd(price, each, inBatch));
  });
  return Math.max(...bounds);
}

function ratesFor(price: Price, inputTokens: number): Rates {
  let rates: Rates = price;
  for (const tier of price.tiers ?? []) if (inputTokens > tier.aboveInputTokens) rates = tier;
  return rates;
}

function picoUsdPerToken(usdPerMillion: number): number {
  return Math.round(usdPerMillion * 1_000_000);
}

/** A provider's count as arithmetic can take it: a fraction, NaN or a negative number makes no money. */
function wholeCount(count: number | undefined): number {
  return count !== undefined && count > 0 ? Math.min(Math.trunc(count), Number.MAX_SAFE_INTEGER) : 0;
}

interface Ratio {
  numerator: number;
  denominator: number;
}

const whole: Ratio = { numerator: 1, denominator: 1 };

/** A factor to six digits as a reduced fraction: 0.8 is 4/5. */
function ratio(factor: number): Ratio {
  const million = 1_000_000;
  const numerator = Math.round(factor * million);
  let [divisor, rest] = [million, numerator];
  while (rest > 0) [divisor, rest] = [rest, divisor % rest];
  return { numerator: numerator / divisor, denominator: million / divisor };
}
