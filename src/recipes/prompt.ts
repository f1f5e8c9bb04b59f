import { z } from 'zod';
import { OffpeakError } from '../errors.ts';
import { parseDescription } from '../parse-description.ts';
import type { Recipe } from '../recipe.ts';
import type { ContentPart, JsonSchema, Message, ModelRequest } from '../request.ts';
import type { Item, ItemContent } from '../source.ts';
import { createAnswerCheck } from './answer-schema.ts';

/** What `createPromptRecipe` takes; it is the recipe's description as it stands. */
export interface PromptOptions {
  type: 'prompt';
  /** Of the wording of the messages made here; another wording is another version. */
  version: 1;
  /** The provider's own name of the model, without a provider before it. */
  model: string;
  /** What to do with each file. */
  prompt: string;
  system?: string;
  maxTokens?: number;
  temperature?: number;
  /** JSON Schema that each answer must satisfy. */
  schema?: JsonSchema;
  /** Tell providers that cache on demand that the prompt is the same for every item; pays only when a row goes first. */
  shared?: boolean;
}

// In the order in which the fields stand in the stored description.
const schema = z.strictObject({
  type: z.literal('prompt'),
  version: z.literal(1),
  model: z.string().min(1),
  prompt: z.string().regex(/\S/, 'must not be empty'),
  system: z.string().optional(),
  maxTokens: z.int().positive().optional(),
  temperature: z.number().min(0).optional(),
  schema: z.record(z.string(), z.unknown()).optional(),
  shared: z.boolean().optional(),
});

/**
 * One prompt over every item: the prompt as one part of the user's message, the file as the next, so that a file's
 * words are never part of the instruction. An item that is a request already passes unchanged. Throws a `usage` error
 * for options or a schema that cannot be used.
 *
 * @example createPromptRecipe({ type: 'prompt', version: 1, model: 'gpt-5-mini', prompt: 'Summarise in one sentence.' })
 */
export function createPromptRecipe(options: PromptOptions): Recipe {
  const given = parseDescription(schema, options, 'the prompt recipe');
  const check = given.schema && createAnswerCheck(given.schema);
  const rest = {
    ...(given.maxTokens === undefined ? {} : { maxTokens: given.maxTokens }),
    ...(given.temperature === undefined ? {} : { temperature: given.temperature }),
    ...(given.schema === undefined ? {} : { schema: given.schema }),
  };
  const textPart = (text: string): ContentPart => ({ type: 'text', text, ...(given.shared ? { shared: true } : {}) });
  const before: Message[] = given.system ? [{ role: 'system', content: [textPart(given.system)] }] : [];
  return {
    description: given,
    toRequest({ key, content }: Item): ModelRequest {
      if (content.type === 'request') return content.request;
      const user: Message = { role: 'user', content: [textPart(given.prompt), partOf(key, content)] };
      return { type: 'chat', model: given.model, messages: [...before, user], ...rest };
    },
    ...(check ? { problemWith: check } : {}),
  };
}

function partOf(key: string, content: Exclude<ItemContent, { type: 'request' }>): ContentPart {
  if (content.type === 'text') return { type: 'document', name: content.name, text: content.text };
  if (content.type === 'image') return { type: 'image', mediaType: content.mediaType, base64: content.base64 };
  throw new OffpeakError(`no request for "${key}": the item is skipped (${content.code})`, { code: 'internal' });
}
