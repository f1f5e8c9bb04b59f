import type { Usage } from '../../usage.ts';
import { countOf, type JsonRecord, recordOf } from '../json-values.ts';

/**
 * Tokens as `usageMetadata` names them. The prompt includes what came from a cache; thoughts are charged as output, and
 * what tools put in front of the model as input.
 */
export function usageOf(answer: JsonRecord): Usage | undefined {
  const usage = recordOf(answer.usageMetadata);
  if (!usage) return undefined;
  const promptTokens = countOf(usage.promptTokenCount);
  const candidateTokens = countOf(usage.candidatesTokenCount);
  const reasoningTokens = countOf(usage.thoughtsTokenCount);
  if (promptTokens === undefined && candidateTokens === undefined && reasoningTokens === undefined) return undefined;
  const found: Usage = {
    inputTokens: (promptTokens ?? 0) + (countOf(usage.toolUsePromptTokenCount) ?? 0),
    outputTokens: (candidateTokens ?? 0) + (reasoningTokens ?? 0),
  };
  const cachedTokens = countOf(usage.cachedContentTokenCount);
  if (cachedTokens !== undefined) found.cachedTokens = cachedTokens;
  if (reasoningTokens !== undefined) found.reasoningTokens = reasoningTokens;
  return found;
}
