import { type JobTypeName, jobTypes } from './contract/words.ts';

/** By provider, for jobs that name no model: cheap ones that are good enough for bulk work, all in the price table. */
const chatModels: Readonly<Record<string, string>> = {
  openai: 'gpt-5-mini',
  anthropic: 'claude-haiku-4-5',
  gemini: 'gemini-2.5-flash',
};
const embeddingModels: Readonly<Record<string, string>> = {
  openai: 'text-embedding-3-large',
  gemini: 'gemini-embedding-001',
};

function modelsOf(jobType: JobTypeName): [string, string][] {
  const models = jobType === 'embedding_generation' ? embeddingModels : chatModels;
  return Object.entries(models).map(([provider, model]) => [`${jobType}:${provider}`, model]);
}

/** By `job_type:provider`. */
export const builtInModels: Readonly<Record<string, string>> = Object.fromEntries(jobTypes.flatMap(modelsOf));

export function builtInModel(key: string): string | undefined {
  return Object.hasOwn(builtInModels, key) ? builtInModels[key] : undefined;
}
