/**
 * Tokens as the provider counted them. `cachedTokens` (read from a cache) and the cache writes are part of
 * `inputTokens`, `reasoningTokens` of `outputTokens`.
 */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
  cachedTokens?: number;
  /** Written to a cache that lives five minutes, or the provider's usual time. */
  cacheWriteTokens?: number;
  /** Written to a cache that lives an hour; not part of `cacheWriteTokens`. */
  longCacheWriteTokens?: number;
  reasoningTokens?: number;
}

export const noUsage: Usage = { inputTokens: 0, outputTokens: 0 };

/**
 * Tokens of a text before a provider counted them: four bytes a token, the usual rule of thumb for English. An
 * estimate, and shown as one.
 */
export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / 4);
}
