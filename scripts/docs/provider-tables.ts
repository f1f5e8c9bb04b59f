import { sandboxPaths } from '../../src/cli/create-providers.ts';
import { priceTable, termsOf } from '../../src/price-table.ts';
import { pricesCheckedOn } from '../../src/prices.ts';
import type { BatchApi, EnqueuedLimit } from '../../src/provider.ts';
import { createAnthropicProvider } from '../../src/providers/anthropic/anthropic-provider.ts';
import { profileNames, profiles } from '../../src/providers/compatible/profiles.ts';
import { createCompatibleProvider } from '../../src/providers/compatible-provider.ts';
import { createGeminiProvider } from '../../src/providers/gemini/gemini-provider.ts';
import { createOpenAIProvider } from '../../src/providers/openai/openai-provider.ts';
import type { ServerProfile, WindowProfile } from '../../src/providers/server-profile.ts';
import { table } from './table.ts';

// What the adapters say of themselves: limits, windows, proofs, prices.

interface Shown {
  name: string;
  title: string;
  api: BatchApi;
}

function withBatches(): Shown[] {
  const apiKey = 'none';
  const shown = [
    { title: 'OpenAI', provider: createOpenAIProvider({ apiKey }) },
    { title: 'Anthropic', provider: createAnthropicProvider({ apiKey }) },
    { title: 'Gemini', provider: createGeminiProvider({ apiKey }) },
    ...profileNames.map((profile) => ({
      title: profiles[profile].title,
      provider: createCompatibleProvider({ profile, apiKey, baseUrl: 'https://localhost/v1' }),
    })),
  ];
  return shown.flatMap(({ title, provider }) =>
    provider.batch ? [{ name: provider.name, title, api: provider.batch }] : [],
  );
}

/** How much fits: into one batch, and into an account at once. */
export function limitsTable(): string {
  const rows = withBatches().map(({ title, api: { limits } }) => [
    title,
    limits.maxRequests.toLocaleString('en-US'),
    megabytes(limits.maxBytes),
    limits.maxInputs?.toLocaleString('en-US') ?? '-',
    limits.enqueued ? roomWords(limits.enqueued) : '-',
    `${limits.pollMinMs / 1000} to ${limits.pollMaxMs / 1000} s`,
  ]);
  const header = [
    'requests in a batch',
    'bytes in a batch',
    'texts to embed in a batch',
    'enqueued at once',
    'polled every',
  ];
  return table(['provider', ...header], rows);
}

function roomWords({ unit, scope, most }: EnqueuedLimit): string {
  const amount = most === undefined ? 'learned' : most.toLocaleString('en-US');
  return `${amount}; ${unit}, ${scope === 'model' ? 'for each model' : 'of the whole account'}`;
}

/** The envelope of a request is ours to keep free: the provider's own limit is what is shown. */
const megabytes = (bytes: number) => `${Math.round(bytes / 1e6).toLocaleString('en-US')} MB`;

/** What lets a batch be found again, by the provider's name. */
const carriers: Readonly<Record<string, string>> = {
  openai: 'the nonce in `metadata`, or the input file',
  gemini: 'the nonce in `displayName`, or the input file',
  anthropic: 'the custom ids in the results; until then the number of requests and the time of creation',
};

export function proofTable(): string {
  const rows = withBatches().map(({ name, title, api: { proof, limits } }) => [
    title,
    `\`${proof}\``,
    carriers[name] ?? compatibleCarrier(name),
    `${limits.absentListings} listings over ${limits.absentGraceMs / 1000} s`,
  ]);
  return table(['provider', 'proof', 'ours is the batch that shows', 'counts as absent after'], rows);
}

function compatibleCarrier(name: string): string {
  const profile = profileNames.find((known) => known === name);
  const carrier = profile === undefined ? undefined : (profiles[profile] as ServerProfile).batch?.create.carriedBy;
  return carrier === undefined || carrier === 'nothing'
    ? 'the input file'
    : `the nonce in \`${carrier}\`, or the input file`;
}

/** What each server that speaks OpenAI's API can do. */
export function serversTable(): string {
  const rows = profileNames.map((name) => {
    const profile: ServerProfile = profiles[name];
    return [
      profile.title,
      `\`${name}:MODEL\``,
      `\`${profile.keyVariable}\``,
      profile.baseUrl === undefined ? 'the account has its own' : `\`${profile.baseUrl}\``,
      profile.batch ? windowWords(profile.batch.create.window) : 'realtime only',
      profile.batch ? discountWords(name) : '-',
    ];
  });
  return table(['server', '`--model`', 'key', 'address', 'completion window', 'batch price'], rows);
}

function windowWords(window: WindowProfile | undefined): string {
  if (!window) return 'none to choose';
  const { standard, leastHours, mostHours } = window;
  return leastHours === mostHours ? standard : `${leastHours} to ${mostHours} h, default ${standard}`;
}

function discountWords(provider: string): string {
  const { factor, note } = termsOf(provider).batch;
  const words = factor === 1 ? 'as realtime' : `${Math.round(factor * 100)} % of realtime`;
  return note === undefined ? words : `${words} (${note})`;
}

/** List prices of a provider's models, realtime and batch. */
export function pricesTable(): string {
  const rows = Object.entries(priceTable)
    .filter(([provider]) => provider !== 'ollama')
    .flatMap(([provider, models]) =>
      Object.entries(models).map(([model, { input, output, until }]) => {
        const { factor } = termsOf(provider).batch;
        return [
          `\`${provider}:${model}\``,
          `${input} / ${output}`,
          `${short(input * factor)} / ${short(output * factor)}`,
          until ?? '',
        ];
      }),
    );
  const header = ['model', 'realtime, in / out', 'batch, in / out', 'until'];
  return `USD for a million tokens; list prices, checked on ${pricesCheckedOn} or later.\n\n${table(header, rows)}`;
}

const short = (usd: number) => String(Number(usd.toFixed(6)));

/** Where the sandbox stands in for a server. */
export function sandboxAddresses(): string {
  const rows = profileNames.map((name) => [
    profiles[name].title,
    `\`providers.${name}.base_url\``,
    `\`${sandboxPaths[name]}\``,
  ]);
  return table(['server', 'setting', 'behind the address of the sandbox'], rows);
}
