import type { OffpeakError } from '../../errors.ts';
import type { WireRequest } from '../../provider.ts';
import {
  type ChatRequest,
  type ContentPart,
  type EmbeddingRequest,
  framedDocument,
  type Message,
  type ModelRequest,
  type NativeRequest,
} from '../../request.ts';
import { checkMessage, cannotSay as noWordsFor, usualImageType } from '../check-message.ts';
import type { ServerProfile } from '../server-profile.ts';
import { sizeOfRequest } from './openai-size.ts';
import { isStrictSchema } from './strict-schema.ts';

const title = 'OpenAI';

export type ChatEndpoint = 'chat' | 'responses';

/** What decides how a request is written. */
export interface WireStyle extends Pick<ServerProfile, 'maxTokensField'> {
  chatEndpoint: ChatEndpoint;
}

/** The same request gives the same text, byte for byte: keys in the order in which they stand here. */
export function convertToOpenAIRequest(request: ModelRequest, style: WireStyle): WireRequest {
  const converted = convert(request, style);
  return { ...converted, size: sizeOfRequest(request, converted.body) };
}

type Converted = Omit<WireRequest, 'size'>;

function convert(request: ModelRequest, style: WireStyle): Converted {
  if (request.type === 'native') return convertNative(request);
  if (request.type === 'embedding') return convertEmbedding(request);
  if (request.messages.length === 0) throw cannotSay('a chat request needs at least one message');
  return style.chatEndpoint === 'chat' ? convertChat(request, style) : convertResponses(request);
}

function convertChat(request: ChatRequest, style: WireStyle): Converted {
  const body: Record<string, unknown> = {
    model: request.model,
    messages: request.messages.map((message) => ({ role: message.role, content: chatContent(message) })),
  };
  // `max_tokens` is refused by OpenAI's reasoning models, and the only name that some others know.
  if (request.maxTokens !== undefined) body[style.maxTokensField] = request.maxTokens;
  if (request.temperature !== undefined) body.temperature = request.temperature;
  if (request.schema) {
    const { schema } = request;
    body.response_format = {
      type: 'json_schema',
      json_schema: { name: 'answer', strict: isStrictSchema(schema), schema },
    };
  }
  return { endpoint: '/v1/chat/completions', body: JSON.stringify(body) };
}

function chatContent(message: Message): unknown {
  return contentOf(message, (part) =>
    part.type === 'image'
      ? { type: 'image_url', image_url: { url: imageUrl(part) } }
      : { type: 'text', text: textOfPart(part) },
  );
}

function convertResponses(request: ChatRequest): Converted {
  const body: Record<string, unknown> = {
    model: request.model,
    input: request.messages.map((message) => ({ role: message.role, content: responsesContent(message) })),
  };
  if (request.maxTokens !== undefined) body.max_output_tokens = request.maxTokens;
  if (request.temperature !== undefined) body.temperature = request.temperature;
  if (request.schema) {
    const { schema } = request;
    body.text = { format: { type: 'json_schema', name: 'answer', strict: isStrictSchema(schema), schema } };
  }
  body.store = false;
  return { endpoint: '/v1/responses', body: JSON.stringify(body) };
}

function responsesContent(message: Message): unknown {
  const textType = message.role === 'assistant' ? 'output_text' : 'input_text';
  return contentOf(message, (part) =>
    part.type === 'image'
      ? { type: 'input_image', image_url: imageUrl(part), detail: 'auto' }
      : { type: textType, text: textOfPart(part) },
  );
}

/** One part of text goes as a plain string, which compatible servers without content parts understand too. */
function contentOf(message: Message, convert: (part: ContentPart) => unknown): unknown {
  checkMessage(title, message);
  const [first, ...others] = message.content;
  if (first && others.length === 0 && first.type !== 'image') return textOfPart(first);
  return message.content.map(convert);
}

function textOfPart(part: Exclude<ContentPart, { type: 'image' }>): string;
function textOfPart(part: ContentPart): string;
function textOfPart(part: ContentPart): string {
  if (part.type === 'document') return framedDocument(part);
  return part.type === 'text' ? part.text : '';
}

function imageUrl(part: { mediaType: string; base64: string }): string {
  return `data:${usualImageType(title, part.mediaType)};base64,${part.base64}`;
}

function convertEmbedding(request: EmbeddingRequest): Converted {
  if (request.input.length === 0) throw cannotSay('an embedding request needs at least one input');
  if (request.input.includes('')) throw cannotSay('an empty text has no embedding');
  const body: Record<string, unknown> = { model: request.model, input: request.input, encoding_format: 'float' };
  if (request.dimensions !== undefined) body.dimensions = request.dimensions;
  return { endpoint: '/v1/embeddings', body: JSON.stringify(body) };
}

/** The path is put behind the base URL together with the key, so nothing but a plain path is let through. */
function convertNative(request: NativeRequest): Converted {
  const { endpoint, body, model } = request;
  if (!/^\/v1(\/[A-Za-z0-9_-]+)+$/.test(endpoint)) {
    throw cannotSay(`the endpoint must be a path such as /v1/responses, not ${endpoint.slice(0, 100)}`);
  }
  if (body.stream === true) throw cannotSay('"stream": true cannot be used: there is nobody to stream to');
  return { endpoint, body: JSON.stringify(body.model === undefined ? { model, ...body } : body) };
}

function cannotSay(words: string): OffpeakError {
  return noWordsFor(title, words);
}
