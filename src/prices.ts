import type { Usage } from './usage.ts';

/**
 * List prices in USD for one million tokens, and what the batch API charges of them.
 * Read in autumn 2026 from the providers' price pages; an unknown model has an unknown price, never zero.
 */
export interface Price {
  input: number;
  output: number;
  cacheRead?: number;
  /** Part of the realtime price that a batch costs; 0.5 at OpenAI, Anthropic and Gemini. */
  batchFactor: number;
}

/** Day on which the table below was last checked. */
export const pricesCheckedOn = '2026-11-20';

const half = 0.5;
const price = (input: number, output: number, cacheRead?: number): Price =>
  cacheRead === undefined ? { input, output, batchFactor: half } : { input, output, cacheRead, batchFactor: half };

const prices: Readonly<Record<string, Readonly<Record<string, Price>>>> = {
  openai: {
    'gpt-6-astra': price(10, 50, 1),
    'gpt-6-sol': price(2, 10, 0.2),
    'gpt-6-luna': price(0.1, 0.5, 0.01),
    'gpt-5.6-sol': price(4, 20, 0.4),
    'gpt-5.6-terra': price(2, 12, 0.2),
    'gpt-5.6-luna': price(0.2, 1.2, 0.02),
    'gpt-5.5': price(5, 30, 0.5),
    'gpt-5.4': price(2.5, 15, 0.25),
    'gpt-5.4-mini': price(0.75, 4.5, 0.075),
    'gpt-5.4-nano': price(0.2, 1.25, 0.02),
    'gpt-5': price(1.25, 10, 0.125),
    'gpt-5-mini': price(0.25, 2, 0.025),
    'gpt-5-nano': price(0.05, 0.4, 0.005),
    'gpt-4.1': price(2, 8, 0.5),
    'gpt-4.1-mini': price(0.4, 1.6, 0.1),
    'gpt-4.1-nano': price(0.1, 0.4, 0.025),
    'gpt-4o': price(2.5, 10, 1.25),
    'gpt-4o-mini': price(0.15, 0.6, 0.075),
    'text-embedding-3-small': price(0.02, 0),
    'text-embedding-3-large': price(0.13, 0),
  },
  // A model on one's own machine costs no tokens.
  ollama: { '*': { input: 0, output: 0, batchFactor: 1 } },
};

/** The price of a model; a dated snapshot (`gpt-5-2025-08-07`) has the price of its base name. */
export function priceOf(provider: string, model: string): Price | undefined {
  const table = Object.hasOwn(prices, provider) ? prices[provider] : undefined;
  const names = [model, model.replace(/-\d{4}-\d{2}-\d{2}$/, ''), '*'];
  // Only what the table itself holds: a model may be called `constructor`.
  const name = names.find((candidate) => table && Object.hasOwn(table, candidate));
  return name === undefined ? undefined : table?.[name];
}

/**
 * What tokens cost, in nano-dollars (10^-9 USD), rounded once per call, so that rows add up to the run exactly.
 * Cached input is charged at the cache price in realtime; whether a batch discounts it further is model-dependent and
 * unconfirmed, so a batch is reckoned at half of the same sum.
 */
export function costNanoUsd(price: Price, usage: Usage, inBatch: boolean): number {
  const cached = price.cacheRead === undefined ? 0 : Math.min(usage.cachedTokens ?? 0, usage.inputTokens);
  const usdPerMillion =
    (usage.inputTokens - cached) * price.input + cached * (price.cacheRead ?? 0) + usage.outputTokens * price.output;
  // USD per million tokens x 1000 = nano-dollars per token.
  return Math.round(usdPerMillion * 1000 * (inBatch ? price.batchFactor : 1));
}
