import type { ContentPart, Message } from '../request.ts';
import { maxTemperatureOf } from './model-traits.ts';
import { isRecord, type Parsed, refused } from './refusal.ts';

/** What `data` of a job may say about the model call itself; all its other keys are the caller's own. */
export interface ChatOptions {
  model?: string;
  temperature?: number;
  maxTokens?: number;
}

export const optionKeys: readonly string[] = ['model', 'messages', 'temperature', 'max_tokens'];

/** As a name stands in a URL, a table and a log. */
const modelPattern = /^[\x21-\x7e]{1,200}$/;
const mostTokens = 1_000_000;

export function parseModel(value: unknown): Parsed<string | undefined> {
  if (value === undefined || (typeof value === 'string' && modelPattern.test(value))) return { value };
  return refused('data.model', 'must be the name of a model, at most 200 characters without blanks');
}

export function parseOptions(data: Readonly<Record<string, unknown>>, provider: string): Parsed<ChatOptions> {
  const model = parseModel(data.model);
  if ('refusal' in model) return model;
  const { temperature, max_tokens: maxTokens } = data;
  const most = maxTemperatureOf(provider);
  if (temperature !== undefined && !isNumberIn(temperature, 0, most)) {
    return refused('data.temperature', `must be a number from 0 to ${most} at ${provider}`);
  }
  if (maxTokens !== undefined && !(Number.isInteger(maxTokens) && isNumberIn(maxTokens, 1, mostTokens))) {
    return refused('data.max_tokens', 'must be a whole number of at least 1');
  }
  return {
    value: {
      ...(model.value === undefined ? {} : { model: model.value }),
      ...(isNumberIn(temperature, 0, most) ? { temperature } : {}),
      ...(isNumberIn(maxTokens, 1, mostTokens) ? { maxTokens } : {}),
    },
  };
}

function isNumberIn(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most;
}

const roles = ['system', 'user', 'assistant'] as const;

/** `[{role, content}]`, the content a text or parts: texts, and images that are in the request itself. */
export function parseMessages(value: unknown): Parsed<Message[]> {
  if (!Array.isArray(value) || value.length === 0) {
    return refused('data.messages', 'must be a list of at least one message');
  }
  const messages: Message[] = [];
  for (const [index, given] of value.entries()) {
    const parsed = parseMessage(given, `data.messages.${index}`);
    if ('refusal' in parsed) return parsed;
    messages.push(parsed.value);
  }
  return { value: messages };
}

function parseMessage(given: unknown, field: string): Parsed<Message> {
  if (!isRecord(given)) return refused(field, 'must be an object with "role" and "content"');
  const strange = unknownKey(given, ['role', 'content']);
  if (strange !== undefined) return refused(`${field}.${strange}`, 'is not known: a message has "role" and "content"');
  const role = roles.find((known) => known === given.role);
  if (!role) return refused(`${field}.role`, `must be ${roles.join(', ')}`);
  const { content } = given;
  if (typeof content === 'string') {
    if (!hasWords(content)) return refused(`${field}.content`, 'must not be empty');
    return { value: { role, content: [{ type: 'text', text: content }] } };
  }
  if (!Array.isArray(content) || content.length === 0) {
    return refused(`${field}.content`, 'must be a text, or a list of at least one part');
  }
  const parts: ContentPart[] = [];
  for (const [index, part] of content.entries()) {
    const parsed = parsePart(part, `${field}.content.${index}`);
    if ('refusal' in parsed) return parsed;
    parts.push(parsed.value);
  }
  return { value: { role, content: parts } };
}

function parsePart(part: unknown, field: string): Parsed<ContentPart> {
  if (!isRecord(part)) return refused(field, 'must be an object with "type"');
  if (part.type === 'text') {
    const strange = unknownKey(part, ['type', 'text']);
    if (strange !== undefined) return refused(`${field}.${strange}`, 'is not known: a text part has "type" and "text"');
    if (typeof part.text !== 'string' || !hasWords(part.text)) {
      return refused(`${field}.text`, 'must be a text that is not empty');
    }
    return { value: { type: 'text', text: part.text } };
  }
  if (part.type === 'image_url') return parseImageUrl(part, field);
  if (part.type === 'image') return parseImageSource(part, field);
  return refused(`${field}.type`, "must be text, image_url (OpenAI's form) or image (Anthropic's form)");
}

/** `{type: "image_url", image_url: {url: "data:image/png;base64,..."}}` */
function parseImageUrl(part: Record<string, unknown>, field: string): Parsed<ContentPart> {
  const url = isRecord(part.image_url) ? part.image_url.url : part.image_url;
  const match = typeof url === 'string' ? /^data:(image\/[a-z0-9.+-]+);base64,/i.exec(url) : undefined;
  if (typeof url !== 'string' || !match?.[1]) {
    return refused(`${field}.image_url`, 'must be a data: URL: images at a web address are not fetched');
  }
  return imageOf(match[1], url.slice(match[0].length), `${field}.image_url`);
}

/** `{type: "image", source: {type: "base64", media_type: "image/png", data: "..."}}` */
function parseImageSource({ source }: Record<string, unknown>, field: string): Parsed<ContentPart> {
  if (!isRecord(source) || source.type !== 'base64') {
    return refused(`${field}.source`, 'must be of type base64: images at a web address are not fetched');
  }
  if (typeof source.media_type !== 'string' || !/^image\/[a-z0-9.+-]+$/i.test(source.media_type)) {
    return refused(`${field}.source.media_type`, 'must be the type of an image, such as image/png');
  }
  return imageOf(source.media_type, source.data, `${field}.source.data`);
}

function imageOf(mediaType: string, base64: unknown, field: string): Parsed<ContentPart> {
  if (typeof base64 !== 'string' || base64 === '' || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    return refused(field, 'must hold the image in base64');
  }
  return { value: { type: 'image', mediaType, base64 } };
}

function unknownKey(given: Record<string, unknown>, known: readonly string[]): string | undefined {
  return Object.keys(given).find((key) => !known.includes(key));
}

function hasWords(text: string): boolean {
  return /\S/.test(text);
}
