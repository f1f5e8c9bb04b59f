import type { CallOptions, Provider } from '../../provider.ts';
import type { ChatRequest, ContentPart, ModelRequest } from '../../request.ts';

/** What the provider under test can do, and with which of its models. */
export interface ProviderCapabilities {
  chatModel: string;
  /** Absent: no images are sent. */
  visionModel?: string;
  /** Absent: nothing is embedded. */
  embeddingModel?: string;
  /** A model that does not exist. */
  unknownModel: string;
  /** Whether answers can be held to a JSON Schema. */
  schema: boolean;
  /** A request that the provider's batch API refuses as a row, not as a batch. */
  refusedRequest?: ModelRequest;
}

export interface ProviderUnderTest {
  provider: Provider;
  /** Called between two polls of a batch, for a server with a clock of its own. */
  passTime?(): void | Promise<void>;
  close(): Promise<void>;
}

export const callOptions = (): CallOptions => ({ timeoutMs: 10_000, signal: new AbortController().signal });

export function chat(model: string, text: string, ...more: ContentPart[]): ChatRequest {
  return { type: 'chat', model, messages: [{ role: 'user', content: [{ type: 'text', text }, ...more] }] };
}
