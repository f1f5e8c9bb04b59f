import { OffpeakError } from '../errors.ts';
import { type Provider, parseModel } from '../provider.ts';
import type { Config } from './config.ts';

/** What is used when no model is named: the first of these whose key is set; with the sandbox the first. */
const usualModels = ['openai:gpt-5-mini', 'anthropic:claude-haiku-4-5', 'gemini:gemini-2.5-flash'] as const;

const waysOn = `Choose one of:
  an OpenAI key     export OPENAI_API_KEY=sk-...      and   --model ${usualModels[0]}
  an Anthropic key  export ANTHROPIC_API_KEY=sk-...   and   --model ${usualModels[1]}
  a Gemini key      export GEMINI_API_KEY=...         and   --model ${usualModels[2]}
  Ollama            ollama serve                      and   --model ollama:llama3.2
  the sandbox       --sandbox                         (no key, no cost; the answers are simulated)`;

/** The model and the provider that this call is for. @throws OffpeakError `usage` with the ways on */
export function chooseModel(
  named: string | undefined,
  config: Config,
  providers: readonly Provider[],
  /** Nothing is sent to a real provider. */
  needsNoKey: boolean,
): { provider: Provider; model: string } {
  const usual = needsNoKey ? usualModels[0] : usualModels.find((model) => hasKey(config, parseModel(model)?.provider));
  const text = named ?? config.text('default_model') ?? usual;
  if (text === undefined) {
    throw new OffpeakError(`No model is named and no key is set. ${waysOn}`, { code: 'usage' });
  }
  const parsed = parseModel(text);
  const provider = parsed && providers.find((candidate) => candidate.name === parsed.provider);
  if (!parsed || !provider) {
    const names = providers.map((candidate) => candidate.name).join(', ');
    throw new OffpeakError(
      `The model ${text} names no known provider. Write provider:model, with one of these before the colon: ${names}.`,
      { code: 'usage' },
    );
  }
  if (!needsNoKey && !hasKey(config, provider.name) && isUsualAddress(config, provider.name)) {
    const variable = keySetting(config, provider.name)?.setting.env ?? 'its key';
    const address = hasAddress(config, provider.name) ? '' : `, and its address as providers.${provider.name}.base_url`;
    throw new OffpeakError(
      `The model ${text} needs a key of ${provider.name}: set ${variable}${address}. Or choose one of:${waysOn.slice(waysOn.indexOf('\n'))}`,
      { code: 'usage' },
    );
  }
  return { provider, model: parsed.model };
}

function keySetting(config: Config, provider: string) {
  return config.all().find(({ setting }) => setting.key === `providers.${provider}.api_key`);
}

function hasKey(config: Config, provider: string | undefined): boolean {
  return provider !== undefined && String(keySetting(config, provider)?.value ?? '').trim() !== '';
}

function hasAddress(config: Config, provider: string): boolean {
  const address = config.all().find(({ setting }) => setting.key === `providers.${provider}.base_url`);
  return address?.value !== undefined;
}

/** A server of one's own may need no key; the provider's own address does, and so does one that has keys and no address. */
function isUsualAddress(config: Config, provider: string): boolean {
  const address = config.all().find(({ setting }) => setting.key === `providers.${provider}.base_url`);
  if (!address || !keySetting(config, provider)) return false;
  return address.value === undefined || address.value === address.setting.fallback;
}
