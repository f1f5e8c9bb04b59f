import type { BatchEngine } from '../batches/engine.ts';
import type { Route } from '../call.ts';
import type { CallHead, Front } from '../front.ts';
import type { SandboxState } from '../state.ts';
import { authenticate } from './authentication.ts';
import { GEMINI } from './batch-details.ts';
import { geminiBatchRoutes } from './batches.ts';
import { geminiDialect } from './dialect.ts';
import { errorReply } from './errors.ts';
import { createGeminiFileStore } from './file-store.ts';
import { geminiFileRoutes } from './files.ts';
import { modelRoutes } from './models.ts';
import { geminiRealtimeRoutes } from './realtime.ts';

const CREATE = /^\/v1(?:beta)?\/models\/[^/]+:(?:batchGenerateContent|asyncBatchEmbedContent)$/;

/** `/v1beta` is ours alone. `/v1`, which the official client 3.1 asks for, is told from OpenAI's by the key. */
function owns({ path, query, headers }: CallHead): boolean {
  if (/^\/(?:v1beta|(?:upload|download)\/v1(?:beta)?)\//.test(path)) return true;
  return path.startsWith('/v1/') && (headers['x-goog-api-key'] !== undefined || query.has('key'));
}

/** The same routes under both versions. */
function inBothVersions(routes: readonly Route[]): Route[] {
  return routes.flatMap((route) => [route, { ...route, path: route.path.replace('/v1beta/', '/v1/') }]);
}

/** The Gemini Developer API (contract section 3). */
export function geminiFront(state: SandboxState, engine: BatchEngine): Front {
  const files = createGeminiFileStore(state.database);
  return {
    provider: GEMINI,
    owns,
    authenticate,
    errorReply,
    // The service sends no id of the request (contract section 3.8).
    headers: () => ({}),
    isCreate: ({ method, path }: CallHead) => method === 'POST' && CREATE.test(path),
    routes: inBothVersions([
      ...geminiFileRoutes(state, files, engine.settler.settleDue),
      ...geminiBatchRoutes(state, files, engine),
      ...geminiRealtimeRoutes(state),
      ...modelRoutes(),
    ]),
    dialect: geminiDialect(files),
  };
}
