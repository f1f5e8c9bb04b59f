import type { OffpeakError } from '../../errors.ts';
import type { WireRequest } from '../../provider.ts';
import {
  type ChatRequest,
  framedDocument,
  type Message,
  type ModelRequest,
  type NativeRequest,
} from '../../request.ts';
import { cannotSay as noWordsFor } from '../check-message.ts';
import { sizeOfRequest } from './ollama-size.ts';

const nativeEndpoints = ['/api/chat', '/api/generate', '/api/embed'];

/** Ollama streams unless told otherwise, so `stream: false` is always written. */
export function convertToOllamaRequest(request: ModelRequest): WireRequest {
  const converted = convert(request);
  return { ...converted, size: sizeOfRequest(request, converted.body) };
}

type Converted = Omit<WireRequest, 'size'>;

function convert(request: ModelRequest): Converted {
  if (request.type === 'chat') return convertChat(request);
  if (request.type === 'embedding') {
    if (request.input.length === 0) throw cannotSay('an embedding request needs at least one input');
    const body: Record<string, unknown> = { model: request.model, input: request.input };
    if (request.dimensions !== undefined) body.dimensions = request.dimensions;
    return { endpoint: '/api/embed', body: JSON.stringify(body) };
  }
  return convertNative(request);
}

function convertNative({ endpoint, body, model }: NativeRequest): Converted {
  if (!nativeEndpoints.includes(endpoint)) {
    throw cannotSay(`the endpoint must be one of ${nativeEndpoints.join(', ')}, not ${endpoint.slice(0, 100)}`);
  }
  if (body.stream === true) throw cannotSay('"stream": true cannot be used: there is nobody to stream to');
  const whole: Record<string, unknown> = body.model === undefined ? { model, ...body } : { ...body };
  if (endpoint !== '/api/embed') whole.stream = false;
  return { endpoint, body: JSON.stringify(whole) };
}

function convertChat(request: ChatRequest): Converted {
  if (request.messages.length === 0) throw cannotSay('a chat request needs at least one message');
  const options: Record<string, unknown> = {};
  if (request.temperature !== undefined) options.temperature = request.temperature;
  if (request.maxTokens !== undefined) options.num_predict = request.maxTokens;
  const body: Record<string, unknown> = {
    model: request.model,
    messages: request.messages.map(convertMessage),
    stream: false,
  };
  if (request.schema) body.format = request.schema;
  if (Object.keys(options).length > 0) body.options = options;
  return { endpoint: '/api/chat', body: JSON.stringify(body) };
}

/** A message is one text with its images beside it; where an image stood among the texts is lost. */
function convertMessage(message: Message): Record<string, unknown> {
  if (message.content.length === 0) throw cannotSay(`a ${message.role} message has no content`);
  const texts: string[] = [];
  const images: string[] = [];
  for (const part of message.content) {
    if (part.type === 'image') images.push(part.base64);
    else texts.push(part.type === 'document' ? framedDocument(part) : part.text);
  }
  const converted: Record<string, unknown> = { role: message.role, content: texts.join('\n\n') };
  if (images.length > 0) converted.images = images;
  return converted;
}

function cannotSay(words: string): OffpeakError {
  return noWordsFor('Ollama', words);
}
