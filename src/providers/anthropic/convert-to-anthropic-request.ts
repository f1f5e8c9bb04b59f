import type { OffpeakError } from '../../errors.ts';
import type { WireRequest } from '../../provider.ts';
import {
  type ChatRequest,
  type ContentPart,
  framedDocument,
  type ModelRequest,
  type NativeRequest,
} from '../../request.ts';
import { checkMessage, cannotSay as noWordsFor, usualImageType } from '../check-message.ts';
import { arrayOf, type JsonRecord, recordOf } from '../json-values.ts';
import { endpointFor, messagesPath } from './messages-endpoint.ts';
import { sizeOfBody } from './request-size.ts';

const title = 'Anthropic';

/** The API demands a limit; most answers are far shorter. */
const defaultMaxTokens = 4096;

/** The same request gives the same text, byte for byte: keys in the order in which they stand here. */
export function convertToAnthropicRequest(request: ModelRequest): WireRequest {
  if (request.type === 'embedding') throw cannotSay('there are no embeddings here: use a model of another provider');
  const body = request.type === 'native' ? nativeBody(request) : chatBody(request);
  const text = JSON.stringify(body);
  return { endpoint: endpointFor(needsOldVersion(body)), body: text, size: sizeOfBody(body, text) };
}

function chatBody(request: ChatRequest): JsonRecord {
  /** In the order of the wire, where the system's words come first. */
  const shared: Block[] = [];
  const convert = (part: ContentPart): Block => {
    const block = blockOf(part);
    if (part.type === 'text' && part.shared) shared.push(block);
    return block;
  };
  for (const message of request.messages) checkMessage(title, message);
  const system = request.messages.filter((message) => message.role === 'system');
  const others = request.messages.filter((message) => message.role !== 'system');
  if (others.length === 0) throw cannotSay('a chat request needs at least one message that is not of the system');
  const body: Record<string, unknown> = { model: request.model, max_tokens: request.maxTokens ?? defaultMaxTokens };
  if (system.length > 0) body.system = system.flatMap((message) => message.content.map(convert));
  body.messages = others.map(({ role, content }) => ({ role, content: content.map(convert) }));
  // All before the mark is cached with it. An hour, not five minutes: nobody knows when the rows of a batch are run.
  const last = shared.at(-1);
  if (last) last.cache_control = { type: 'ephemeral', ttl: '1h' };
  if (request.temperature !== undefined) body.temperature = request.temperature;
  if (request.schema) body.output_config = { format: { type: 'json_schema', schema: request.schema } };
  return body;
}

type Block = Record<string, unknown>;

function blockOf(part: ContentPart): Block {
  if (part.type === 'image') {
    const mediaType = usualImageType(title, part.mediaType);
    return { type: 'image', source: { type: 'base64', media_type: mediaType, data: part.base64 } };
  }
  return { type: 'text', text: part.type === 'document' ? framedDocument(part) : part.text };
}

function nativeBody({ endpoint, body, model }: NativeRequest): JsonRecord {
  if (endpoint !== messagesPath) {
    throw cannotSay(`the endpoint of a native request must be ${messagesPath}, not ${endpoint.slice(0, 100)}`);
  }
  if (body.stream === true) throw cannotSay('"stream": true cannot be used: there is nobody to stream to');
  return body.model === undefined ? { model, ...body } : body;
}

/** What the newer contract refuses, and only the older one takes (contracts, Anthropic 2.1). */
function needsOldVersion(body: JsonRecord): boolean {
  if (['temperature', 'top_p', 'top_k'].some((name) => body[name] !== undefined)) return true;
  return arrayOf(body.messages).some((value) => {
    const message = recordOf(value);
    return arrayOf(message?.content).some((part) => {
      const block = recordOf(part);
      if (message?.role === 'assistant') return block?.type === 'document';
      return block?.type === 'text' && arrayOf(block.citations).length > 0;
    });
  });
}

function cannotSay(words: string): OffpeakError {
  return noWordsFor(title, words);
}
