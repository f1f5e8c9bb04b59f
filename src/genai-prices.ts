import type { MatchLogic, ModelPrice, TieredPrices } from '@pydantic/genai-prices';
import type { PriceTier, Rates } from './prices.ts';

/** What `@pydantic/genai-prices` knows of a model. */
export interface GenaiPrice extends Rates {
  /** The base name: of `gpt-5-mini-2025-08-07` it is `gpt-5-mini`. */
  id: string;
  tiers?: readonly PriceTier[];
}

/** The version that is pinned, and the day it was published. */
export const genaiPricesVersion = '0.1.8';
export const genaiPricesDate = '2026-09-23';

export type FindGenaiPrice = (providerId: string, model: string, at: Date) => GenaiPrice | undefined;

/** Loads the list (0.8 MB, about 40 ms): only where a price is asked for. It does no I/O of its own. */
export async function loadGenaiPrices(): Promise<FindGenaiPrice> {
  const { calcPrice } = await import('@pydantic/genai-prices');
  return (providerId, model, at) => {
    const found = calcPrice({}, model, { providerId, timestamp: at });
    if (!found || !isSameModel(found.model.match, found.model.id, model)) return undefined;
    return readPrice(found.model.id, found.model_price);
  };
}

/** What may follow a model's name without making it another model: a date, a number of a version, `-latest`. */
const snapshotSuffix =
  /^[-@]?(?:(?:latest|preview|exp)(?:-|$))?(?:\d{8}|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|\d{2}-\d{2}|\d{2,4})?$/;

/**
 * The list matches generously: `starts_with: claude-sonnet-5` also takes `claude-sonnet-5-5`, which costs something
 * else. Believed is only an exact name, or a name with what marks a snapshot behind it.
 */
function isSameModel(match: MatchLogic, id: string, model: string): boolean {
  const name = model.toLowerCase();
  return namesModel(match, name) || isSnapshotOf(id.toLowerCase(), name);
}

function namesModel(match: MatchLogic, name: string): boolean {
  if ('or' in match) return match.or.some((each) => namesModel(each, name));
  // All of them matched already; one that names the model is enough, the others narrow it.
  if ('and' in match) return match.and.some((each) => namesModel(each, name));
  if ('equals' in match) return name === match.equals.toLowerCase();
  if ('regex' in match) return match.regex.endsWith('$') && new RegExp(match.regex).test(name);
  if ('ends_with' in match) return name === match.ends_with.toLowerCase();
  const start = ('starts_with' in match ? match.starts_with : match.contains).toLowerCase();
  // Fine-tuned models carry the customer's own words behind the base name.
  if (start.startsWith('ft:')) return name.startsWith(start);
  return isSnapshotOf(start, name);
}

function isSnapshotOf(base: string, name: string): boolean {
  return name.startsWith(base) && snapshotSuffix.test(name.slice(base.length));
}

/** Undefined when tokens are not what the model is charged by, or the list does not say what its answers cost. */
function readPrice(id: string, price: ModelPrice): GenaiPrice | undefined {
  const { output_mtok: output = /embed/i.test(id) ? 0 : undefined } = price;
  if (price.input_mtok === undefined || output === undefined) return undefined;
  const listed: Listed = {
    input: price.input_mtok,
    output,
    cacheRead: price.cache_read_mtok,
    cacheWrite: price.cache_write_mtok,
    longCacheWrite: price.cache_write_1h_mtok,
  };
  const starts = Object.values(listed).flatMap((each) =>
    typeof each === 'object' ? each.tiers.map((tier) => tier.start) : [],
  );
  const tiers = [...new Set(starts)]
    .sort((a, b) => a - b)
    .map((start) => ({ aboveInputTokens: start, ...ratesAt(listed, start) }));
  return { id, ...ratesAt(listed, undefined), ...(tiers.length > 0 ? { tiers } : {}) };
}

type Rate = number | TieredPrices;
type Listed = { input: Rate; output: Rate } & Record<'cacheRead' | 'cacheWrite' | 'longCacheWrite', Rate | undefined>;

/** The rates of a request with more input tokens than `start`; undefined: of a short one. */
function ratesAt(listed: Listed, start: number | undefined): Rates {
  const rates: Rates = { input: rateAt(listed.input, start), output: rateAt(listed.output, start) };
  for (const name of ['cacheRead', 'cacheWrite', 'longCacheWrite'] as const) {
    const rate = listed[name];
    if (rate !== undefined) rates[name] = rateAt(rate, start);
  }
  return rates;
}

function rateAt(rate: Rate, start: number | undefined): number {
  if (typeof rate === 'number') return rate;
  const reached = rate.tiers.filter((tier) => start !== undefined && tier.start <= start);
  return reached.reduce((last, tier) => (tier.start >= last.start ? tier : last), { start: 0, price: rate.base }).price;
}
