interface Price {
  input: number;
  output: number;
  cacheRead?: number;
  /** Cached tokens cost the same in a batch (contract section 3.9). */
  cacheReadNeverHalved?: boolean;
}

function price(input: number, output: number, cacheRead?: number): Price {
  return { input, output, ...(cacheRead === undefined ? {} : { cacheRead }) };
}

function geminiPrice(input: number, output: number, cacheRead?: number): Price {
  return { ...price(input, output, cacheRead), cacheReadNeverHalved: true };
}

const OPUS_5 = price(5, 25, 0.5);

/** Realtime list prices in USD per million tokens (contract section 7); a batch costs half. Own copy on purpose. */
const PRICES: Record<string, Price> = {
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
  'claude-fable-5-1': price(10, 50, 0.25),
  'claude-opus-5-5': price(4, 20, 0.2),
  'claude-sonnet-5-5': price(2, 10),
  'claude-opus-5': OPUS_5,
  'claude-opus-4-8': OPUS_5,
  'claude-opus-4-7': OPUS_5,
  'claude-opus-4-6': OPUS_5,
  'claude-opus-4-5': OPUS_5,
  'claude-sonnet-4-6': price(3, 15, 0.3),
  'claude-haiku-4-5': price(1, 5, 0.1),
  'gemini-3.8-flash': geminiPrice(0.75, 3.75, 0.075),
  'gemini-3.5-flash': geminiPrice(1.5, 9, 0.15),
  'gemini-3.5-flash-lite': geminiPrice(0.3, 2.5, 0.03),
  'gemini-3.1-pro-preview': geminiPrice(2, 12, 0.2),
  'gemini-3.1-flash-lite': geminiPrice(0.25, 1.5, 0.025),
  'gemini-2.5-pro': geminiPrice(1.25, 10, 0.125),
  'gemini-2.5-flash': geminiPrice(0.3, 2.5, 0.03),
  'gemini-2.5-flash-lite': geminiPrice(0.1, 0.4, 0.01),
  'gemini-embedding-2': geminiPrice(0.2, 0),
  'gemini-embedding-001': geminiPrice(0.15, 0),
};

/** Snapshots seen in real answers (contract sections 1.4, 1.6 and the recorded exchanges); others keep their name. */
const SNAPSHOTS: Record<string, string> = {
  'gpt-5': 'gpt-5-2025-08-07',
  'gpt-4o-mini': 'gpt-4o-mini-2024-07-18',
  'gpt-3.5-turbo': 'gpt-3.5-turbo-0125',
};

/** The name a real answer carries for the requested model. */
export function snapshotOf(model: string): string {
  return (Object.hasOwn(SNAPSHOTS, model) ? SNAPSHOTS[model] : undefined) ?? model;
}

/** Tokens of one call, each counted in one place only: `input` is what was neither read from nor written to a cache. */
export interface TokenCounts {
  input: number;
  output: number;
  cacheRead?: number;
  cacheWrite5m?: number;
  cacheWrite1h?: number;
}

/** One USD per million tokens is so many pico-USD per token, which makes every list price a whole number. */
const PICO_PER_TOKEN = 1_000_000;
const WRITE_5M = 1.25;
const WRITE_1H = 2;

/**
 * Cost of one row in whole nano-USD, or `undefined` for a model (or a cached read) without a known price. Whole pico-USD
 * are added up, halved for a batch, and rounded once, half up.
 */
export function costNanoUsd(model: string, tokens: TokenCounts, tier: 'batch' | 'realtime'): number | undefined {
  const base = model.replace(/-\d{4}-\d{2}-\d{2}$|-\d{8}$/, '');
  const found = Object.hasOwn(PRICES, base) ? PRICES[base] : undefined;
  const cacheRead = tokens.cacheRead ?? 0;
  if (found === undefined || (cacheRead > 0 && found.cacheRead === undefined)) return undefined;
  const pico = (count: number | undefined, usd: number): number => (count ?? 0) * Math.round(usd * PICO_PER_TOKEN);
  const reads = pico(cacheRead, found.cacheRead ?? 0);
  const others =
    pico(tokens.input, found.input) +
    pico(tokens.output, found.output) +
    pico(tokens.cacheWrite5m, found.input * WRITE_5M) +
    pico(tokens.cacheWrite1h, found.input * WRITE_1H);
  if (tier === 'realtime') return Math.round((others + reads) / 1000);
  const halved = found.cacheReadNeverHalved === true ? others / 2 + reads : (others + reads) / 2;
  return Math.round(halved / 1000);
}
