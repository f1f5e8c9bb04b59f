import type { BatchEngine } from '../batches/engine.ts';
import type { CallHead, Front } from '../front.ts';
import type { SandboxState } from '../state.ts';
import { authenticate } from './authentication.ts';
import { ANTHROPIC } from './batch-details.ts';
import { batchRoutes } from './batches.ts';
import { anthropicDialect } from './dialect.ts';
import { errorReply, newRequestId } from './errors.ts';
import { createPrefixTable } from './prompt-cache.ts';
import { realtimeRoutes } from './realtime.ts';

/** Anthropic's API: its own paths, and of those it shares with OpenAI the calls that carry its headers. */
export function anthropicFront(state: SandboxState, engine: BatchEngine): Front {
  createPrefixTable(state.database);
  return {
    provider: ANTHROPIC,
    dialect: anthropicDialect,
    owns,
    authenticate,
    errorReply: (status, message) => errorReply(status, message),
    headers: () => ({ 'request-id': newRequestId(), 'anthropic-workspace-id': 'wrkspc_sandbox' }),
    isCreate: ({ method, path }) => method === 'POST' && path === '/v1/messages/batches',
    routes: [...batchRoutes(state, engine), ...realtimeRoutes(state)],
  };
}

function owns({ path, headers }: CallHead): boolean {
  if (path === '/v1/messages' || path.startsWith('/v1/messages/')) return true;
  const isMarked = headers['anthropic-version'] !== undefined || headers['x-api-key'] !== undefined;
  return path.startsWith('/v1/') && isMarked;
}
