import { OffpeakError } from './errors.ts';
import {
  type FindGenaiPrice,
  type GenaiPrice,
  genaiPricesDate,
  genaiPricesVersion,
  loadGenaiPrices,
} from './genai-prices.ts';
import { exactRowOf, rowOf, type TableRow, termsOf } from './price-table.ts';
import { type Price, type Rates, roundRate, tablePrice, withCacheWrites } from './prices.ts';

/** The prices that a run is reckoned by. */
export interface PriceList {
  /** The price now; undefined: unknown, which is never zero. Cheap: what was found is kept for a quarter of an hour. */
  priceOf(provider: string, model: string): Price | undefined;
}

/** What a user sets of a price: USD per million tokens, and the part of them that a batch costs. */
export interface PriceOverride {
  input?: number;
  output?: number;
  cache_read?: number;
  cache_write?: number;
  batch_factor?: number;
}

export interface PriceListOptions {
  /** By `provider:model`, or `provider:*` for all its models. */
  overrides?: Readonly<Record<string, PriceOverride>>;
  now?: () => Date;
}

/** Prices begin on days, a few on quarters of hours. */
const keepMs = 900_000;
/** Names come from users; the list does not grow with them. */
const keepMost = 10_000;

/**
 * Looks a price up in the user's configuration, then in our own table, then in `@pydantic/genai-prices`.
 *
 * @example
 * const prices = await createPriceList({ overrides: { 'openai:gpt-5-mini': { input: 0.2 } } });
 * @throws OffpeakError `config` that names the override and its field
 */
export async function createPriceList({
  overrides = {},
  now = () => new Date(),
}: PriceListOptions = {}): Promise<PriceList> {
  const own = new Map(Object.entries(overrides).map(([key, override]) => [key, checkedOverride(key, override)]));
  const find = await loadGenaiPrices();
  const look = (provider: string, model: string, at: Date): Price | undefined => {
    const exact = own.get(`${provider}:${model}`);
    const listed = overridden(listPrice(find, provider, model, at), own.get(`${provider}:*`), provider);
    return overridden(listed, exact, provider);
  };
  for (const [key, override] of own) checkComplete(key, override, look, now());

  let kept = new Map<string, Price | undefined>();
  let keptIn = Number.NaN;
  return {
    priceOf(provider, model) {
      const at = now();
      const slot = Math.floor(at.getTime() / keepMs);
      if (slot !== keptIn || kept.size >= keepMost) {
        kept = new Map();
        keptIn = slot;
      }
      const key = `${provider}:${model}`;
      const known = kept.get(key);
      if (known || kept.has(key)) return known;
      const price = look(provider, model, at);
      kept.set(key, price);
      return price;
    },
  };
}

/** Without the configuration. Where both lists know a model, our own figures win. */
function listPrice(find: FindGenaiPrice, provider: string, name: string, at: Date): Price | undefined {
  // Gemini's own answers write it so.
  const model = provider === 'gemini' ? name.replace(/^models\//, '') : name;
  const { genaiId, batch } = termsOf(provider);
  const found = genaiId === undefined ? undefined : find(genaiId, model, at);
  // The package knows which snapshots are priced apart from their base name.
  const row = found
    ? (exactRowOf(provider, model, at) ?? exactRowOf(provider, found.id, at))
    : rowOf(provider, model, at);
  if (row) return found ? joined(provider, row, found) : tablePrice(provider, row);
  if (!found) return undefined;
  const { id: _, tiers, ...rates } = found;
  return {
    ...withCacheWrites(provider, rates),
    ...(tiers ? { tiers: tiers.map((tier) => withCacheWrites(provider, tier)) } : {}),
    batch,
    source: `@pydantic/genai-prices ${genaiPricesVersion}`,
    checkedOn: genaiPricesDate,
  };
}

/** Our row, with the tiers and cache prices that only the package knows. A test holds the two lists together. */
function joined(provider: string, row: TableRow, found: GenaiPrice): Price {
  const price = tablePrice(provider, row);
  const { cacheRead, cacheWrite, longCacheWrite, tiers } = found;
  if (price.cacheRead === undefined && cacheRead !== undefined) price.cacheRead = cacheRead;
  if (cacheWrite !== undefined) price.cacheWrite = cacheWrite;
  if (longCacheWrite !== undefined) price.longCacheWrite = longCacheWrite;
  return tiers ? { ...price, tiers: tiers.map((tier) => withCacheWrites(provider, tier)) } : price;
}

/**
 * The price with what the user set. What he did not set keeps its ratio: with an input price at half of the list's,
 * cache prices and the tiers of long requests are half of the list's too.
 */
function overridden(base: Price | undefined, override: PriceOverride | undefined, provider: string): Price | undefined {
  if (!override) return base;
  const input = override.input ?? base?.input;
  const output = override.output ?? base?.output;
  if (input === undefined || output === undefined) return undefined;
  const batch = { ...(base?.batch ?? termsOf(provider).batch) };
  if (override.batch_factor !== undefined) {
    batch.factor = override.batch_factor;
    delete batch.note;
  }
  const source = 'your configuration';
  if (!base) {
    const rates: Rates = { input, output };
    if (override.cache_read !== undefined) rates.cacheRead = override.cache_read;
    if (override.cache_write !== undefined) rates.cacheWrite = override.cache_write;
    return { ...withCacheWrites(provider, rates), batch, source };
  }
  const scale = scaler(base, override);
  const rates = scale(base);
  if (override.cache_read !== undefined) rates.cacheRead = override.cache_read;
  if (override.cache_write !== undefined) rates.cacheWrite = override.cache_write;
  const tiers = base.tiers?.map((tier) => ({ ...scale(tier), aboveInputTokens: tier.aboveInputTokens }));
  return { ...rates, input, output, ...(tiers ? { tiers } : {}), batch, source };
}

/** Rates of the list, moved as the user moved the base price. A list price of zero has no ratio: the user's own holds. */
function scaler(base: Rates, override: PriceOverride): (rates: Rates) => Rates {
  const moved = (rate: number, from: number | undefined, to: number | undefined, otherwise: number) => {
    if (to === undefined) return roundRate(rate * otherwise);
    return from ? roundRate((rate * to) / from) : to;
  };
  const inputRatio = override.input !== undefined && base.input > 0 ? override.input / base.input : 1;
  return (rates) => {
    const scaled: Rates = {
      input: moved(rates.input, base.input, override.input, 1),
      output: moved(rates.output, base.output, override.output, 1),
    };
    if (rates.cacheRead !== undefined)
      scaled.cacheRead = moved(rates.cacheRead, base.cacheRead, override.cache_read, inputRatio);
    if (rates.cacheWrite !== undefined)
      scaled.cacheWrite = moved(rates.cacheWrite, base.cacheWrite, override.cache_write, inputRatio);
    if (rates.longCacheWrite !== undefined)
      scaled.longCacheWrite = moved(rates.longCacheWrite, base.cacheWrite, override.cache_write, inputRatio);
    return scaled;
  };
}

const fields = ['input', 'output', 'cache_read', 'cache_write', 'batch_factor'] as const;
/** USD per million tokens; above it, a price is a slip of units. */
const dearest = 1_000_000;

function checkedOverride(key: string, override: PriceOverride): PriceOverride {
  const fail = (why: string) => new OffpeakError(`The configured price of "${key}" ${why}`, { code: 'config' });
  const colon = key.indexOf(':');
  if (colon <= 0 || colon === key.length - 1) {
    throw fail('cannot be used: write it as provider:model, for example openai:gpt-5-mini, or provider:*.');
  }
  // The configuration was read from a file: its types are hopes.
  const value: unknown = override;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fail(`must hold some of: ${fields.join(', ')}.`);
  }
  for (const [field, amount] of Object.entries(value)) {
    if (!fields.some((each) => each === field)) {
      throw fail(`has an unknown field "${field}". There are: ${fields.join(', ')}.`);
    }
    if (amount === undefined) continue;
    const most = field === 'batch_factor' ? 1 : dearest;
    if (typeof amount !== 'number' || !(amount >= 0 && amount <= most)) {
      const unit = field === 'batch_factor' ? 'the part of the realtime price' : 'USD per million tokens';
      throw fail(`needs a number from 0 to ${most} as ${field} (${unit}).`);
    }
  }
  return { ...override };
}

/** A model that no list knows needs both prices; half a price would leave its runs without a cost, unnoticed. */
function checkComplete(
  key: string,
  override: PriceOverride,
  look: (provider: string, model: string, at: Date) => Price | undefined,
  at: Date,
): void {
  const colon = key.indexOf(':');
  const model = key.slice(colon + 1);
  if (model === '*' || look(key.slice(0, colon), model, at)) return;
  const missing = (['input', 'output'] as const).filter((field) => override[field] === undefined);
  throw new OffpeakError(
    `The configured price of "${key}" needs ${missing.join(' and ')}, in USD per million tokens: no list knows this model.`,
    { code: 'config' },
  );
}
