import { OffpeakError } from '../errors.ts';
import { type Provider, parseModel } from '../provider.ts';
import type { Config } from './config.ts';

/** Used with the sandbox, or when an OpenAI key is there and no model is named. */
const usualModel = 'openai:gpt-5-mini';

const waysOn = `Choose one of:
  an OpenAI key   export OPENAI_API_KEY=sk-...   and   --model openai:gpt-5-mini
  Ollama          ollama serve                   and   --model ollama:llama3.2
  the sandbox     --sandbox                      (no key, no cost; the answers are simulated)`;

/** The model and the provider that this call is for. @throws OffpeakError `usage` with the ways on */
export function chooseModel(
  named: string | undefined,
  config: Config,
  providers: readonly Provider[],
  /** Nothing is sent to a real provider. */
  needsNoKey: boolean,
): { provider: Provider; model: string } {
  const hasKey = (config.text('providers.openai.api_key') ?? '').trim() !== '';
  const text = named ?? config.text('default_model') ?? (needsNoKey || hasKey ? usualModel : undefined);
  if (text === undefined) {
    throw new OffpeakError(`No model is named and no key is set. ${waysOn}`, { code: 'usage' });
  }
  const parsed = parseModel(text);
  const provider = parsed && providers.find((candidate) => candidate.name === parsed.provider);
  if (!parsed || !provider) {
    const names = providers.map((candidate) => candidate.name).join(' or ');
    throw new OffpeakError(
      `The model ${text} names no known provider. Write provider:model, with ${names} before the colon.`,
      { code: 'usage' },
    );
  }
  const isOpenAI = config.text('providers.openai.base_url') === 'https://api.openai.com/v1';
  if (!needsNoKey && provider.name === 'openai' && isOpenAI && !hasKey) {
    throw new OffpeakError(`The model ${text} needs an OpenAI key, and none is set. ${waysOn}`, { code: 'usage' });
  }
  return { provider, model: parsed.model };
}
