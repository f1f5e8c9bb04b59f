import { answerChat } from './chat.ts';
import { answerEmbeddings } from './embeddings.ts';
import type { Endpoint } from './model-answer.ts';
import { answerResponses } from './responses.ts';

const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map([
  ['/v1/chat/completions', answerChat],
  ['/v1/responses', answerResponses],
  ['/v1/embeddings', answerEmbeddings],
]);

/** Endpoints this sandbox can execute; the real service has more (contract section 1.3). */
export const ENDPOINT_PATHS: readonly string[] = [...ENDPOINTS.keys()];

export function endpointAt(path: string): Endpoint | undefined {
  return ENDPOINTS.get(path);
}
