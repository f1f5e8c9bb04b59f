/** Realtime list prices in USD per million tokens (contract section 7); a batch costs half. Own copy on purpose. */
const PRICES: Record<string, readonly [input: number, output: number]> = {
  'gpt-6-astra': [10, 50],
  'gpt-6-sol': [2, 10],
  'gpt-6-luna': [0.1, 0.5],
  'gpt-5.6-sol': [4, 20],
  'gpt-5.6-terra': [2, 12],
  'gpt-5.6-luna': [0.2, 1.2],
  'gpt-5.5': [5, 30],
  'gpt-5.4': [2.5, 15],
  'gpt-5.4-mini': [0.75, 4.5],
  'gpt-5.4-nano': [0.2, 1.25],
  'gpt-5': [1.25, 10],
  'gpt-5-mini': [0.25, 2],
  'gpt-5-nano': [0.05, 0.4],
  'gpt-4.1': [2, 8],
  'gpt-4.1-mini': [0.4, 1.6],
  'gpt-4.1-nano': [0.1, 0.4],
  'gpt-4o': [2.5, 10],
  'gpt-4o-mini': [0.15, 0.6],
  'text-embedding-3-small': [0.02, 0],
  'text-embedding-3-large': [0.13, 0],
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

/**
 * Cost of one row in whole nano-USD, or `undefined` for a model without a known price.
 * One USD per million tokens is 1,000 nano-USD per token, so all prices here are exact.
 */
export function costNanoUsd(
  model: string,
  inputTokens: number,
  outputTokens: number,
  tier: 'batch' | 'realtime',
): number | undefined {
  const base = model.replace(/-\d{4}-\d{2}-\d{2}$/, '');
  const price = Object.hasOwn(PRICES, base) ? PRICES[base] : undefined;
  if (price === undefined) return undefined;
  const share = tier === 'batch' ? 500 : 1000;
  return Math.round(inputTokens * price[0] * share) + Math.round(outputTokens * price[1] * share);
}
