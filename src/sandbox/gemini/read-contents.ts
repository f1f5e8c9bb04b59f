import { imageProblem } from '../answers/image.ts';
import type { PromptImage, PromptMessage } from '../answers/prompt.ts';
import { asArray, asString, isObject, type JsonObject } from '../json.ts';
import { type GeminiError, invalidArgument } from './errors.ts';
import { field } from './field.ts';

/** One of these makes a part (contract section 3.9 and the parts of tools, which are taken and ignored). */
const PART_FIELDS = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
];

/** What is wrong with `contents`, if anything. */
export function contentsProblem(contents: unknown): GeminiError | undefined {
  if (!Array.isArray(contents) || contents.length === 0) {
    return invalidArgument('* GenerateContentRequest.contents: contents is not specified\n');
  }
  for (const [i, content] of (contents as unknown[]).entries()) {
    const at = `GenerateContentRequest.contents[${i}]`;
    if (!isObject(content)) return invalidArgument(`Invalid value at 'contents[${i}]' (Content).`);
    const role = content.role;
    if (role !== undefined && role !== 'user' && role !== 'model' && role !== 'function') {
      return invalidArgument('Please use a valid role: user, model.');
    }
    const problem = partsProblem(content.parts, at);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

export function partsProblem(parts: unknown, at: string): GeminiError | undefined {
  if (!Array.isArray(parts) || parts.length === 0)
    return invalidArgument(`* ${at}.parts: contents.parts must not be empty.\n`);
  for (const [i, part] of (parts as unknown[]).entries()) {
    if (!isObject(part) || !PART_FIELDS.some((name) => field(part, name) !== undefined)) {
      return invalidArgument(`* ${at}.parts[${i}].data: required oneof field 'data' must have one initialized field\n`);
    }
    const image = imageOf(part);
    if (image !== undefined && imageProblem(image.url) !== undefined) {
      return invalidArgument(`Unable to process input image. Please check ${at}.parts[${i}].`);
    }
  }
  return undefined;
}

/** The messages of a request, its system instruction first. */
export function readMessages(body: JsonObject): PromptMessage[] {
  const instruction = field(body, 'systemInstruction');
  const system = isObject(instruction) ? [{ ...readContent(instruction), role: 'system' }] : [];
  return [...system, ...asArray(body.contents).filter(isObject).map(readContent)];
}

export function textOf(content: JsonObject): string {
  return readContent(content).text;
}

function readContent(content: JsonObject): PromptMessage {
  const parts = asArray(content.parts).filter(isObject);
  const texts = parts.map((part) => asString(part.text)).filter((text) => text !== undefined);
  const images = parts.map(imageOf).filter((image) => image !== undefined);
  return { role: content.role === 'model' ? 'assistant' : 'user', text: texts.join('\n'), images };
}

function imageOf(part: JsonObject): PromptImage | undefined {
  const inline = field(part, 'inlineData');
  if (isObject(inline)) {
    const type = asString(field(inline, 'mimeType')) ?? '';
    // Sound, films and documents are taken without a word about them.
    if (type !== '' && !type.startsWith('image/')) return undefined;
    return { url: `data:${type};base64,${asString(inline.data) ?? ''}`, lowDetail: false };
  }
  const file = field(part, 'fileData');
  const url = isObject(file) ? asString(field(file, 'fileUri')) : undefined;
  return url === undefined ? undefined : { url, lowDetail: false };
}
