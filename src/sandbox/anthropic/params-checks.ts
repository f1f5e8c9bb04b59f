import { asNumber, isObject, type JsonObject } from '../json.ts';
import type { ApiVersion } from './api-version.ts';
import { invalid, type Problem } from './errors.ts';
import { blocksOf } from './read-params.ts';

const SAMPLING = ['temperature', 'top_p', 'top_k'] as const;
const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
/** Refused inside a batch, whatever their value (contract section 2.3). */
const NEVER_IN_BATCHES = ['speed', 'store', 'previous_thread_event_id', 'cache_hint', 'context_hint'] as const;

/** What the Messages API refuses in a body, in realtime and as a row of a batch. */
export function paramsProblem(params: JsonObject, version: ApiVersion): Problem | undefined {
  const { model, messages } = params;
  if (typeof model !== 'string' || model === '') return invalid('model: Field required');
  if (model.startsWith('no-such-model')) return { type: 'not_found_error', message: `model: ${model}` };
  const tokens = tokensProblem(params.max_tokens);
  if (tokens !== undefined) return tokens;
  if (messages === undefined) return invalid('messages: Field required');
  if (!Array.isArray(messages)) return invalid('messages: Input should be a valid list');
  if (messages.length === 0) return invalid('messages: at least one message is required');
  for (const [i, message] of (messages as unknown[]).entries()) {
    const problem = messageProblem(message, `messages.${i}`, version);
    if (problem !== undefined) return problem;
  }
  return samplingProblem(params, version) ?? formatProblem(params);
}

/** What makes the create of a whole batch fail at once. */
export function batchParamsProblem(params: JsonObject): string | undefined {
  if (params.stream === true) return 'stream: Streaming is not supported in the Message Batches API';
  if (params.max_tokens === 0) return 'max_tokens: must be greater than 0';
  const name = NEVER_IN_BATCHES.find((candidate) => params[candidate] !== undefined && params[candidate] !== null);
  return name === undefined ? undefined : `${name}: not supported in the Message Batches API`;
}

function tokensProblem(value: unknown): Problem | undefined {
  if (value === undefined || value === null) return invalid('max_tokens: Field required');
  if (typeof value !== 'number' || !Number.isInteger(value))
    return invalid('max_tokens: Input should be a valid integer');
  return value < 1 ? invalid('max_tokens: must be greater than 0') : undefined;
}

function samplingProblem(params: JsonObject, version: ApiVersion): Problem | undefined {
  for (const name of SAMPLING) {
    const value = params[name];
    if (value === undefined) continue;
    if (version === '2026-10-21') return invalid(`${name}: Extra inputs are not permitted`);
    const number = asNumber(value);
    if (number === undefined) return invalid(`${name}: Input should be a valid number`);
    if (number < 0) return invalid(`${name}: Input should be greater than or equal to 0`);
    if (number > 1 && name !== 'top_k') return invalid(`${name}: Input should be less than or equal to 1`);
  }
  return undefined;
}

function formatProblem(params: JsonObject): Problem | undefined {
  const config = params.output_config;
  const format = isObject(config) ? config.format : undefined;
  if (format === undefined || format === null) return undefined;
  const at = 'output_config.format';
  if (!isObject(format) || format.type !== 'json_schema') return invalid(`${at}.type: Input should be 'json_schema'`);
  return isObject(format.schema) ? undefined : invalid(`${at}.schema: Field required`);
}

function messageProblem(message: unknown, at: string, version: ApiVersion): Problem | undefined {
  if (!isObject(message)) return invalid(`${at}: Input should be an object`);
  const { role, content } = message;
  if (role !== 'user' && role !== 'assistant') return invalid(`${at}.role: Input should be 'user' or 'assistant'`);
  if (content === undefined) return invalid(`${at}.content: Field required`);
  if (content === '') return invalid(`${at}: user messages must have non-empty content`);
  if (typeof content !== 'string' && !Array.isArray(content)) {
    return invalid(`${at}.content: Input should be a valid string or list`);
  }
  for (const [i, block] of blocksOf(content).entries()) {
    const problem = blockProblem(block, role, version);
    if (problem !== undefined) return invalid(`${at}.content.${i}.${problem}`);
  }
  return undefined;
}

function blockProblem(block: JsonObject, role: 'user' | 'assistant', version: ApiVersion): string | undefined {
  if (typeof block.type !== 'string') return 'type: Field required';
  if (block.type === 'text' && (typeof block.text !== 'string' || block.text === '')) {
    return 'text: text content blocks must be non-empty';
  }
  if (block.type === 'image') return imageProblem(block);
  if (version === '2023-06-01') return undefined;
  if (block.type === 'document' && role === 'assistant') return 'document: not permitted in an assistant message';
  const cites = Array.isArray(block.citations) && block.citations.length > 0;
  return block.type === 'text' && role === 'user' && cites
    ? 'text.citations: not permitted in a user message'
    : undefined;
}

function imageProblem({ source }: JsonObject): string | undefined {
  if (!isObject(source)) return 'image.source: Field required';
  switch (source.type) {
    case 'url':
      return /^https:\/\//i.test(String(source.url)) ? undefined : 'image.source.url: Only HTTPS URLs are supported';
    case 'file':
      return typeof source.file_id === 'string' ? undefined : 'image.source.file.file_id: Field required';
    case 'base64': {
      if (typeof source.data !== 'string' || source.data === '') return 'image.source.base64.data: Field required';
      if (IMAGE_TYPES.includes(String(source.media_type))) return undefined;
      const types = IMAGE_TYPES.map((type) => `'${type}'`).join(', ');
      return `image.source.base64.media_type: Input should be one of ${types}`;
    }
    default:
      return "image.source.type: Input should be 'base64', 'url' or 'file'";
  }
}
