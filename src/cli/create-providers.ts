import { OffpeakError } from '../errors.ts';
import type { BatchLimits, Provider } from '../provider.ts';
import { type ProfileName, profileNames, profiles } from '../providers/compatible/profiles.ts';
import type { ServerProfile } from '../providers/server-profile.ts';
import type { Config } from './config.ts';
import type { SettingKey } from './settings.ts';

/** The adapters, loaded when the first of them is needed: what never speaks to a provider starts without them. */
async function loadAdapters() {
  const [openai, anthropic, gemini, compatible, ollama] = await Promise.all([
    import('../providers/openai/openai-provider.ts'),
    import('../providers/anthropic/anthropic-provider.ts'),
    import('../providers/gemini/gemini-provider.ts'),
    import('../providers/compatible-provider.ts'),
    import('../providers/ollama/ollama-provider.ts'),
  ]);
  return { ...openai, ...anthropic, ...gemini, ...compatible, ...ollama };
}

/** A key that is sent to a sandbox of this process and to nobody else. */
const sandboxKey = 'sk-sandbox-simulated';

/** Where a sandbox stands in for a server: the path of its usual address behind the server's name. */
export const sandboxPaths: Readonly<Record<ProfileName, string>> = {
  groq: '/groq/openai/v1',
  together: '/together/v1',
  mistral: '/mistral/v1',
  azure: '/azure/openai/v1',
  doubleword: '/doubleword/v1',
  xai: '/xai/v1',
};

/** Every provider there is, answered by the sandbox at an address. */
export async function sandboxProviders(url: string): Promise<Provider[]> {
  const adapters = await loadAdapters();
  // The sandbox answers at once, lists at once and charges nothing: no reason to wait between questions.
  const limits = { pollMinMs: 20, pollMaxMs: 500, absentListings: 2, absentGraceMs: 200, cancelSettlesMs: 200 };
  const common = { simulated: true, scope: 'sandbox', apiKey: sandboxKey, limits };
  return [
    adapters.createOpenAIProvider({ ...common, baseUrl: `${url}/v1` }),
    adapters.createAnthropicProvider({ ...common, baseUrl: url }),
    adapters.createGeminiProvider({ ...common, baseUrl: url }),
    ...profileNames.map((profile) =>
      adapters.createCompatibleProvider({ ...common, profile, baseUrl: url + sandboxPaths[profile] }),
    ),
    adapters.createOllamaProvider({ simulated: true, scope: 'sandbox', host: url }),
  ];
}

/** Every provider there is, as the settings say; one without a key is there too, and says so when it is asked. */
export async function realProviders(config: Config): Promise<Provider[]> {
  const adapters = await loadAdapters();
  const endpoint = config.text('providers.openai.endpoint');
  if (endpoint !== 'chat' && endpoint !== 'responses') {
    throw new OffpeakError('providers.openai.endpoint must be chat or responses.', { code: 'config' });
  }
  return [
    adapters.createOpenAIProvider({
      ...reached(config, 'openai'),
      ...property('organization', config.text('providers.openai.organization')),
      ...property('project', config.text('providers.openai.project')),
      batchApi: config.flag('providers.openai.batch'),
      chatEndpoint: endpoint,
      limits: pollLimits(config, 'providers.openai.poll_interval'),
    }),
    adapters.createAnthropicProvider({
      ...reached(config, 'anthropic'),
      ...property('workspace', config.text('providers.anthropic.workspace')),
      batchApi: config.flag('providers.anthropic.batch'),
      limits: pollLimits(config, 'providers.anthropic.poll_interval'),
    }),
    adapters.createGeminiProvider({
      ...reached(config, 'gemini'),
      batchApi: config.flag('providers.gemini.batch'),
      limits: pollLimits(config, 'providers.gemini.poll_interval'),
    }),
    ...profileNames.map((profile) =>
      adapters.createCompatibleProvider({ profile, ...reached(config, profile), ...batchOptions(config, profile) }),
    ),
    adapters.createOllamaProvider({ ...property('host', config.text('providers.ollama.endpoint')) }),
  ];
}

/** Somebody has set it up: a service offers it. */
export function isReady(config: Config, name: string): boolean {
  const keys = [`providers.${name}.api_key`, `providers.${name}.base_url`, `providers.${name}.endpoint`];
  return config.all().some(({ setting, value, from }) => {
    const isSet = value !== undefined && from !== 'default';
    return isSet && keys.includes(setting.key) && setting.key !== 'providers.openai.endpoint';
  });
}

function reached(config: Config, provider: 'openai' | 'anthropic' | 'gemini' | ProfileName) {
  return {
    ...property('apiKey', config.text(`providers.${provider}.api_key`)),
    ...property('baseUrl', config.text(`providers.${provider}.base_url`)),
  };
}

function batchOptions(config: Config, name: ProfileName) {
  const profile: ServerProfile = profiles[name];
  if (!profile.batch) return {};
  return {
    batchApi: config.flag(`providers.${name}.batch`),
    limits: pollLimits(config, `providers.${name}.poll_interval`),
    ...property('completionWindow', config.text(`providers.${name}.completion_window`)),
  };
}

/** Not set: as the adapter has it. */
function pollLimits(config: Config, key: SettingKey): Partial<BatchLimits> {
  if (config.text(key) === undefined) return {};
  return { pollMinMs: config.number(key) * 1000 };
}

function property<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}
