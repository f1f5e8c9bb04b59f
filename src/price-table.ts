/**
 * Our own dated table: list prices in USD per million tokens, and what the batch API charges of them. It stands above
 * the list of `@pydantic/genai-prices`, which knows more models but no batch prices and no end of an offer.
 */
export interface TableRow {
  input: number;
  output: number;
  cacheRead?: number;
  /** Last day (UTC) of an introductory price; the day after, the row is no longer believed. */
  until?: string;
}

/** What holds for all models of a provider. */
export interface ProviderTerms {
  batch: { factor: number; cacheReadFactor?: number; note?: string };
  /** What writing to the cache costs, as a multiple of the input price, where a list does not name it. */
  cacheWriteFactor?: number;
  longCacheWriteFactor?: number;
  /** The provider's name in `@pydantic/genai-prices`; absent: the package does not know it. */
  genaiId?: string;
}

/** Day on which the oldest part of the table was checked. */
export const pricesCheckedOn = '2026-09-23';

/** Days on which a provider's rows were checked, where that was later. */
export const checkedOn: Readonly<Record<string, string>> = { anthropic: '2026-10-02' };

const row = (input: number, output: number, cacheRead?: number): TableRow =>
  cacheRead === undefined ? { input, output } : { input, output, cacheRead };

export const priceTable: Readonly<Record<string, Readonly<Record<string, TableRow>>>> = {
  openai: {
    'gpt-6-astra': row(10, 50, 1),
    'gpt-6-sol': row(2, 10, 0.2),
    'gpt-6-luna': row(0.1, 0.5, 0.01),
    'gpt-5.6-sol': row(4, 20, 0.4),
    'gpt-5.6-terra': row(2, 12, 0.2),
    'gpt-5.6-luna': row(0.2, 1.2, 0.02),
    'gpt-5.5': row(5, 30, 0.5),
    'gpt-5.4': row(2.5, 15, 0.25),
    'gpt-5.4-mini': row(0.75, 4.5, 0.075),
    'gpt-5.4-nano': row(0.2, 1.25, 0.02),
    'gpt-5': row(1.25, 10, 0.125),
    'gpt-5-mini': row(0.25, 2, 0.025),
    'gpt-5-nano': row(0.05, 0.4, 0.005),
    'gpt-4.1': row(2, 8, 0.5),
    'gpt-4.1-mini': row(0.4, 1.6, 0.1),
    'gpt-4.1-nano': row(0.1, 0.4, 0.025),
    'gpt-4o': row(2.5, 10, 1.25),
    // The one snapshot that is dearer than its base name.
    'gpt-4o-2024-05-13': row(5, 15),
    'gpt-4o-mini': row(0.15, 0.6, 0.075),
    'text-embedding-3-small': row(0.02, 0),
    'text-embedding-3-large': row(0.13, 0),
  },
  anthropic: {
    'claude-fable-5-1': row(10, 50, 0.25),
    'claude-opus-5-5': row(4, 20, 0.2),
    // Its cache price was not found: cache reads are reckoned at the input price.
    'claude-sonnet-5-5': row(2, 10),
    'claude-opus-5': row(5, 25, 0.5),
    'claude-opus-4-8': row(5, 25, 0.5),
    'claude-opus-4-7': row(5, 25, 0.5),
    'claude-opus-4-6': row(5, 25, 0.5),
    'claude-opus-4-5': row(5, 25, 0.5),
    'claude-sonnet-4-6': row(3, 15, 0.3),
    'claude-haiku-4-5': row(1, 5, 0.1),
  },
  gemini: {
    'gemini-3.8-flash': { ...row(0.75, 3.75, 0.075), until: '2026-12-31' },
    'gemini-3.5-flash': row(1.5, 9, 0.15),
    'gemini-3.5-flash-lite': row(0.3, 2.5, 0.03),
    'gemini-3.1-pro-preview': row(2, 12, 0.2),
    'gemini-3.1-flash-lite': row(0.25, 1.5, 0.025),
    'gemini-2.5-pro': row(1.25, 10, 0.125),
    'gemini-2.5-flash': row(0.3, 2.5, 0.03),
    'gemini-2.5-flash-lite': row(0.1, 0.4, 0.01),
    'gemini-embedding-2': row(0.2, 0),
    'gemini-embedding-001': row(0.15, 0),
  },
  // A model on one's own machine costs no tokens.
  ollama: { '*': row(0, 0) },
};

const half = 0.5;
/** Never reckoned cheaper than it may be: without a known discount a batch costs what realtime costs. */
const unknownDiscount = (why: string) => ({
  factor: 1,
  note: `${why}; reckoned at the realtime price until batch_factor is configured`,
});

export const providerTerms: Readonly<Record<string, ProviderTerms>> = {
  openai: { batch: { factor: half }, genaiId: 'openai' },
  anthropic: { batch: { factor: half }, cacheWriteFactor: 1.25, longCacheWriteFactor: 2, genaiId: 'anthropic' },
  // Hits of the context cache are charged at the standard caching rate in a batch too.
  gemini: { batch: { factor: half, cacheReadFactor: 1 }, genaiId: 'google' },
  ollama: { batch: { factor: 1 } },
  azure: { batch: { factor: half, note: "as at OpenAI; the deployment's own terms may differ" }, genaiId: 'azure' },
  groq: { batch: { factor: half }, genaiId: 'groq' },
  mistral: { batch: { factor: half }, genaiId: 'mistral' },
  together: { batch: { factor: half, note: 'up to 50 % off: some models cost more' }, genaiId: 'together' },
  fireworks: { batch: { factor: half }, genaiId: 'fireworks' },
  deepinfra: { batch: { factor: 0.8 } },
  doubleword: { batch: unknownDiscount('the discount varies by model'), genaiId: 'doubleword' },
  xai: { batch: unknownDiscount('the discount varies by model'), genaiId: 'x-ai' },
};

/** For a provider that is not in the table: a compatible server under a name of the user's. */
export const unknownTerms: ProviderTerms = { batch: unknownDiscount('no discount is known') };

/**
 * The table's row for a model on a day; a dated snapshot (`gpt-5-2025-08-07`, `claude-opus-4-5-20251101`,
 * `gemini-2.5-flash-001`) has the row of its base name.
 */
export function rowOf(provider: string, model: string, at: Date): TableRow | undefined {
  const base = model.replace(/-(?:\d{4}-\d{2}-\d{2}|\d{8}|00\d)$/, '');
  return exactRowOf(provider, model, at) ?? exactRowOf(provider, base, at);
}

/** The same for the name as it stands. */
export function exactRowOf(provider: string, model: string, at: Date): TableRow | undefined {
  const models = own(priceTable, provider);
  const found = models && (own(models, model) ?? own(models, '*'));
  return found?.until !== undefined && at.toISOString().slice(0, 10) > found.until ? undefined : found;
}

export function termsOf(provider: string): ProviderTerms {
  return own(providerTerms, provider) ?? unknownTerms;
}

/** Only what the table itself holds: a model may be called `constructor`. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
