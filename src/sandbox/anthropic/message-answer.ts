import { composeAnswer } from '../answers/compose.ts';
import { buildPrompt, estimateTokens } from '../answers/prompt.ts';
import type { RowAction } from '../fault-plan.ts';
import { asNumber, asString, type JsonObject } from '../json.ts';
import type { TokenCounts } from '../prices.ts';
import type { ApiVersion } from './api-version.ts';
import { errorTypeOf, isErrorType, type Problem } from './errors.ts';
import { paramsProblem } from './params-checks.ts';
import { type PrefixCache, useCache } from './prompt-cache.ts';
import { readMessages, schemaOf } from './read-params.ts';

/** What the answer needs beside the body. */
export interface MessageContext {
  version: ApiVersion;
  /** What the ids inside the answer are made from. */
  idSeed: string;
  tier: 'batch' | 'standard';
  cache: PrefixCache;
  fault: RowAction | undefined;
}

/** A message (as JSON text, possibly with the fill marker in it) or what was wrong with the request. */
export type MessageAnswer = { json: string; model: string; tokens: TokenCounts } | { problem: Problem };

/** The Messages API's answer to one body, in a batch or in realtime (contract sections 2.5 and 5.4). */
export function answerMessage(params: JsonObject, bodyText: string, context: MessageContext): MessageAnswer {
  const { fault } = context;
  if (fault?.type === 'error' || fault?.type === 'status-zero') return { problem: faultProblem(fault) };
  const problem = paramsProblem(params, context.version);
  if (problem !== undefined) return { problem };
  const prompt = buildPrompt(readMessages(params), {
    schema: schemaOf(params),
    maxOutputTokens: asNumber(params.max_tokens),
  });
  const answer = composeAnswer(prompt, fault);
  const toolTokens = params.tools === undefined ? 0 : estimateTokens(JSON.stringify(params.tools).length);
  const { read, write5m, write1h } = useCache(context.cache, params, bodyText);
  const tokens: Required<TokenCounts> = {
    input: prompt.inputTokens + toolTokens - read - write5m - write1h,
    output: answer.outputTokens,
    cacheRead: read,
    cacheWrite5m: write5m,
    cacheWrite1h: write1h,
  };
  const isRefused = answer.refusal !== null;
  const reason = isRefused ? 'refusal' : answer.cut ? 'max_tokens' : 'end_turn';
  const details = isRefused ? { type: 'refusal', category: null, explanation: answer.refusal } : null;
  const content = answer.text === '' ? '[]' : `[{"type":"text","text":${JSON.stringify(answer.text)}}]`;
  const model = asString(params.model) ?? '';
  // Composed as text: `JSON.stringify` of the whole object costs as much as all the rest of a row.
  const json =
    `{"id":"msg_${context.idSeed}","type":"message","role":"assistant","model":${JSON.stringify(model)},` +
    `"content":${content},"stop_reason":"${reason}","stop_sequence":null,"stop_details":${JSON.stringify(details)},` +
    `"container":null,"diagnostics":null,"usage":${usageJson(tokens, context.tier)}}`;
  return { json, model, tokens };
}

function usageJson(tokens: Required<TokenCounts>, tier: MessageContext['tier']): string {
  return (
    `{"input_tokens":${tokens.input},"cache_creation_input_tokens":${tokens.cacheWrite5m + tokens.cacheWrite1h},` +
    `"cache_read_input_tokens":${tokens.cacheRead},"cache_creation":{"ephemeral_5m_input_tokens":${tokens.cacheWrite5m},` +
    `"ephemeral_1h_input_tokens":${tokens.cacheWrite1h}},"output_tokens":${tokens.output},` +
    `"output_tokens_details":{"thinking_tokens":0},"server_tool_use":null,"service_tier":"${tier}",` +
    `"inference_geo":"global","speed":null}`
  );
}

/** A plan may name Anthropic's error type as the code; else the status decides. */
function faultProblem(fault: Extract<RowAction, { type: 'error' | 'status-zero' }>): Problem {
  const message = 'The sandbox was told to fail this request.';
  if (fault.type === 'status-zero') return { type: 'api_error', message };
  const named = fault.code !== undefined && isErrorType(fault.code) ? fault.code : undefined;
  return { type: named ?? errorTypeOf(fault.status), message: fault.message ?? message };
}
