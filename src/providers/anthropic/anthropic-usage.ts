import type { Usage } from '../../usage.ts';
import { countOf, type JsonRecord, recordOf } from '../json-values.ts';

/** Anthropic counts what it read from a cache, and wrote to one, beside `input_tokens`; here it is part of them. */
export function usageOf(message: JsonRecord): Usage | undefined {
  const usage = recordOf(message.usage);
  const uncached = countOf(usage?.input_tokens);
  const outputTokens = countOf(usage?.output_tokens);
  if (!usage || (uncached === undefined && outputTokens === undefined)) return undefined;
  const cachedTokens = countOf(usage.cache_read_input_tokens);
  const split = recordOf(usage.cache_creation);
  const short = countOf(split?.ephemeral_5m_input_tokens);
  const long = countOf(split?.ephemeral_1h_input_tokens);
  const written = Math.max(countOf(usage.cache_creation_input_tokens) ?? 0, (short ?? 0) + (long ?? 0));
  const found: Usage = {
    inputTokens: (uncached ?? 0) + (cachedTokens ?? 0) + written,
    outputTokens: outputTokens ?? 0,
  };
  if (cachedTokens !== undefined) found.cachedTokens = cachedTokens;
  // What is not named as the dearer kind is the usual one: older answers do not split at all.
  if (short !== undefined || usage.cache_creation_input_tokens !== undefined) {
    found.cacheWriteTokens = written - (long ?? 0);
  }
  if (long !== undefined) found.longCacheWriteTokens = long;
  const reasoningTokens = countOf(recordOf(usage.output_tokens_details)?.thinking_tokens);
  if (reasoningTokens !== undefined) found.reasoningTokens = reasoningTokens;
  return found;
}
