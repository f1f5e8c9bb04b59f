import type { Provider } from '../provider.ts';
import { type ProfileName, profiles } from './compatible/profiles.ts';
import { createOpenAIProvider, type OpenAIProviderOptions } from './openai/openai-provider.ts';

export interface CompatibleProviderOptions
  extends Omit<OpenAIProviderOptions, 'profile' | 'name' | 'organization' | 'project'> {
  /** Which server: a row of the table of profiles. */
  profile: ProfileName;
}

/**
 * A server that speaks OpenAI's API with differences that are known. For one without any (vLLM, LM Studio), OpenAI's
 * own adapter takes its base URL.
 * @example createCompatibleProvider({ profile: 'groq', apiKey: process.env.GROQ_API_KEY, completionWindow: '7d' })
 * @example createCompatibleProvider({ profile: 'azure', apiKey, baseUrl: 'https://NAME.openai.azure.com/openai/v1' })
 */
export function createCompatibleProvider({ profile, ...options }: CompatibleProviderOptions): Provider {
  return createOpenAIProvider({ ...options, profile: profiles[profile] });
}
