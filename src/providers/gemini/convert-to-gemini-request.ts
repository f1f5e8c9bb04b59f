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
import { checkMessage, cannotSay as noWordsFor } from '../check-message.ts';
import { parseRecord, textOf } from '../json-values.ts';
import { mendingWords } from '../mending-words.ts';
import { endpointOf, type GeminiEndpoint, parseEndpoint, plainModel } from './gemini-endpoint.ts';
import { sizeOf } from './gemini-size.ts';

const title = 'Gemini';

/** The same request gives the same text, byte for byte: keys in the order in which they stand here. */
export function convertToGeminiRequest(request: ModelRequest): WireRequest {
  if (request.type === 'native') return convertNative(request);
  return request.type === 'embedding' ? convertEmbedding(request) : convertChat(request);
}

function wireOf(model: string, method: GeminiEndpoint['method'], body: Record<string, unknown>): WireRequest {
  const text = JSON.stringify(body);
  const size = sizeOf(body, Buffer.byteLength(text), method !== 'generateContent');
  const wire = { endpoint: endpointOf(model, method), body: text, size };
  return method === 'batchEmbedContents' ? { ...wire, realtimeOnly: true } : wire;
}

function convertChat(request: ChatRequest): WireRequest {
  const model = modelOf(request.model);
  if (request.messages.length === 0) throw cannotSay('a chat request needs at least one message');
  const instructions = request.messages.filter((message) => message.role === 'system');
  const talk = request.messages.filter((message) => message.role !== 'system');
  if (talk.length === 0) throw cannotSay('a chat request needs a user message beside the system message');
  const body: Record<string, unknown> = {
    contents: talk.map((message) => ({
      role: message.role === 'assistant' ? 'model' : 'user',
      parts: partsOf(message),
    })),
  };
  if (instructions.length > 0) body.systemInstruction = { parts: instructions.flatMap(partsOf) };
  const config: Record<string, unknown> = {};
  if (request.maxTokens !== undefined) config.maxOutputTokens = request.maxTokens;
  if (request.temperature !== undefined) config.temperature = request.temperature;
  if (request.schema) {
    config.responseMimeType = 'application/json';
    config.responseJsonSchema = request.schema;
  }
  if (Object.keys(config).length > 0) body.generationConfig = config;
  return wireOf(model, 'generateContent', body);
}

function partsOf(message: Message): unknown[] {
  checkMessage(title, message);
  return message.content.map(partOf);
}

function partOf(part: ContentPart): unknown {
  if (part.type === 'document') return { text: framedDocument(part) };
  if (part.type === 'text') return { text: part.text };
  const mimeType = part.mediaType.toLowerCase();
  if (!/^image\/[a-z0-9.+-]+$/.test(mimeType)) throw cannotSay(`${part.mediaType} is no type of an image`);
  return { inlineData: { mimeType, data: part.base64 } };
}

function convertEmbedding(request: EmbeddingRequest): WireRequest {
  const model = modelOf(request.model);
  const [first, ...others] = request.input;
  if (first === undefined) throw cannotSay('an embedding request needs at least one input');
  if (request.input.includes('')) throw cannotSay('an empty text has no embedding');
  const embed = (text: string): Record<string, unknown> => {
    const body: Record<string, unknown> = { content: { parts: [{ text }] } };
    if (request.dimensions !== undefined) body.outputDimensionality = request.dimensions;
    return body;
  };
  if (others.length === 0) return wireOf(model, 'embedContent', embed(first));
  // Here, and only here, every request inside names the model again.
  const requests = request.input.map((text) => ({ model: `models/${model}`, ...embed(text) }));
  return wireOf(model, 'batchEmbedContents', { requests });
}

function convertNative(request: NativeRequest): WireRequest {
  const { endpoint, body } = request;
  const model = modelOf(request.model);
  const parsed = parseEndpoint(endpoint);
  if (!parsed) {
    const example = endpointOf(model, 'generateContent');
    throw cannotSay(`the endpoint must be a path such as ${example}, not ${endpoint.slice(0, 100)}`);
  }
  const inBody = textOf(body.model);
  if (parsed.model !== model || (inBody !== undefined && plainModel(inBody) !== model)) {
    throw cannotSay(`the request is for ${model}, its endpoint or body names another model`);
  }
  // The model stands in the path; the body has no place for it.
  const { model: _, ...rest } = body;
  return wireOf(model, parsed.method, rest);
}

function modelOf(text: string): string {
  const model = plainModel(text);
  if (!/^[A-Za-z0-9._-]+$/.test(model)) throw cannotSay(`${text.slice(0, 100)} is no name of a model`);
  return model;
}

/** The conversation goes on: the answer as the model's turn, the problem as the user's. */
export function askGeminiAgain(
  wire: { endpoint: string; body: string },
  answer: string,
  problem: string,
): string | undefined {
  if (parseEndpoint(wire.endpoint)?.method !== 'generateContent') return undefined;
  const body = parseRecord(wire.body);
  if (!body || !Array.isArray(body.contents)) return undefined;
  const turns = [
    { role: 'model', parts: [{ text: answer }] },
    { role: 'user', parts: [{ text: mendingWords(problem) }] },
  ];
  return JSON.stringify({ ...body, contents: [...body.contents, ...turns] });
}

function cannotSay(words: string): OffpeakError {
  return noWordsFor(title, words);
}
