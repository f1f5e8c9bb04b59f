import type { Usage } from '../../usage.ts';
import { countOf, type JsonRecord, recordOf } from '../json-values.ts';

/** Tokens from whichever shape: chat and embeddings say `prompt_tokens`, responses `input_tokens`. */
export function usageOf(body: JsonRecord): Usage | undefined {
  const usage = recordOf(body.usage);
  if (!usage) return undefined;
  const inputTokens = countOf(usage.prompt_tokens) ?? countOf(usage.input_tokens);
  const outputTokens = countOf(usage.completion_tokens) ?? countOf(usage.output_tokens);
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  const found: Usage = { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0 };
  const input = recordOf(usage.prompt_tokens_details) ?? recordOf(usage.input_tokens_details);
  const output = recordOf(usage.completion_tokens_details) ?? recordOf(usage.output_tokens_details);
  const cachedTokens = countOf(input?.cached_tokens);
  if (cachedTokens !== undefined) found.cachedTokens = cachedTokens;
  const cacheWriteTokens = countOf(input?.cache_write_tokens);
  if (cacheWriteTokens !== undefined) found.cacheWriteTokens = cacheWriteTokens;
  const reasoningTokens = countOf(output?.reasoning_tokens);
  if (reasoningTokens !== undefined) {
    found.reasoningTokens = reasoningTokens;
    const counted = found.inputTokens + found.outputTokens;
    // xAI counts reasoning beside the completion, others inside it: the total tells.
    const isBeside = reasoningTokens > found.outputTokens || countOf(usage.total_tokens) === counted + reasoningTokens;
    if (isBeside) found.outputTokens += reasoningTokens;
  }
  return found;
}
