/** The provider-neutral model call. Adapters turn it into the exact JSON text that goes on the wire. */

export type ContentPart =
  /** `shared`: the same in many requests, up to and with this part; a provider that caches on demand is told so. */
  | { type: 'text'; text: string; shared?: true }
  /** A user's document, kept apart from the instruction; `name` is a base name, never a path. */
  | { type: 'document'; name: string; text: string }
  | { type: 'image'; mediaType: string; base64: string };

export interface Message {
  role: 'system' | 'user' | 'assistant';
  content: readonly ContentPart[];
}

export interface ChatRequest {
  type: 'chat';
  model: string;
  messages: readonly Message[];
  maxTokens?: number;
  temperature?: number;
  /** JSON Schema that the answer must satisfy. */
  schema?: JsonSchema;
}

export interface EmbeddingRequest {
  type: 'embedding';
  model: string;
  input: readonly string[];
  dimensions?: number;
}

/** A provider's own body, passed through untouched; the whole answer is kept. */
export interface NativeRequest {
  type: 'native';
  model: string;
  /** The provider's path, for example `/v1/responses`. */
  endpoint: string;
  body: Readonly<Record<string, unknown>>;
}

export type ModelRequest = ChatRequest | EmbeddingRequest | NativeRequest;

/** What a request will take, before a provider has counted it. */
export interface RequestSize {
  /** Estimate, for the limits on enqueued tokens: four bytes of text a token, and what an image usually takes. */
  inputTokens: number;
  /** Never exceeded: a byte of text is at most a token. For budgets. */
  maxInputTokens: number;
  /** The longest answer that the request allows; absent: it sets no limit. */
  maxOutputTokens?: number;
  /** Texts that an embedding request wants a vector for, each on its own. Absent: it is none. */
  inputs?: number;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The text of a document part, for providers whose API has no document type. The end mark inside a document is broken
 * up, so that a file cannot close its own frame and speak as the user.
 */
export function framedDocument(part: { name: string; text: string }): string {
  const name = part.name.replace(/["<>\r\n]/g, '_');
  const text = part.text.replace(/<(\/?)document/gi, '<$1\u200bdocument');
  return `<document name="${name}">\n${text}\n</document>`;
}
