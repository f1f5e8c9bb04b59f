import type { PromptImage, PromptMessage } from '../answers/prompt.ts';
import { asArray, asString, isObject, type JsonObject } from '../json.ts';

/** System prompt and messages of `params` in the order in which the model reads them. */
export function readMessages(params: JsonObject): PromptMessage[] {
  const system = blocksOf(params.system);
  const messages = asArray(params.messages)
    .filter(isObject)
    .map((message) => readBlocks(asString(message.role) ?? '', blocksOf(message.content)));
  return system.length === 0 ? messages : [readBlocks('system', system), ...messages];
}

/** A text alone is one block. */
export function blocksOf(content: unknown): JsonObject[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return asArray(content).filter(isObject);
}

export function textOf(block: JsonObject): string {
  const { text, source } = block;
  if (typeof text === 'string') return text;
  return block.type === 'document' && isObject(source) && source.type === 'text' ? (asString(source.data) ?? '') : '';
}

export function imageOf(block: JsonObject): PromptImage | undefined {
  const { source } = block;
  if (block.type !== 'image' || !isObject(source)) return undefined;
  switch (source.type) {
    case 'base64':
      return { url: `data:${String(source.media_type)};base64,${String(source.data)}`, lowDetail: false };
    case 'url':
      return { url: String(source.url), lowDetail: false };
    default:
      // Uploaded files are not emulated: the answer will say it was not fetched.
      return { url: `https://${String(source.file_id)}/`, lowDetail: false };
  }
}

/** The schema of a structured output; `undefined` for free text. `output_format` is the older name. */
export function schemaOf(params: JsonObject): unknown {
  const config = params.output_config;
  const format = (isObject(config) ? config.format : undefined) ?? params.output_format;
  return isObject(format) && format.type === 'json_schema' ? (format.schema ?? true) : undefined;
}

function readBlocks(role: string, blocks: readonly JsonObject[]): PromptMessage {
  const texts = blocks.map(textOf).filter((text) => text !== '');
  const images = blocks.map(imageOf).filter((image) => image !== undefined);
  return { role, text: texts.join('\n'), images };
}
