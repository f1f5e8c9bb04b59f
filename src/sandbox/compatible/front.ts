import type { BatchEngine } from '../batches/engine.ts';
import type { CallHead, Front } from '../front.ts';
import { authenticate } from '../openai/authentication.ts';
import { errorReply, invalidRequest } from '../openai/errors.ts';
import { fileRoutes } from '../openai/files.ts';
import { realtimeRoutes } from '../openai/realtime.ts';
import { randomHex } from '../random.ts';
import type { SandboxState } from '../state.ts';
import { compatibleBatchRoutes } from './batches.ts';
import { compatibleDialect } from './dialect.ts';
import { movedRoutes } from './moved-routes.ts';
import { type CompatibleServer, compatibleServers } from './servers.ts';
import { xaiFront } from './xai/front.ts';

/** One front for each server, so that one sandbox stands for all of them: the path tells which is meant. */
export function compatibleFronts(state: SandboxState, engine: BatchEngine): Front[] {
  return [...compatibleServers.map((server) => compatibleFront(state, engine, server)), xaiFront(state, engine)];
}

function compatibleFront(state: SandboxState, engine: BatchEngine, server: CompatibleServer): Front {
  const { provider, prefix, batch } = server;
  const offersBatches = state.settings.batchApi;
  return {
    provider,
    dialect: compatibleDialect(provider, batch),
    owns: ({ path }) => path === prefix || path.startsWith(`${prefix}/`),
    authenticate: (head) => accountOf(server, head),
    errorReply(status, message) {
      const code = status === 429 ? 'rate_limit_exceeded' : null;
      const type = status >= 500 ? 'server_error' : 'invalid_request_error';
      return errorReply(status, { ...invalidRequest(message, null, code), type });
    },
    headers: () => ({ 'x-request-id': `req_${randomHex(16)}` }),
    isCreate: ({ method, path }) => offersBatches && method === 'POST' && path === prefix + batch.path,
    routes: [
      ...movedRoutes(realtimeRoutes(state, provider), prefix),
      ...(offersBatches
        ? movedRoutes(fileRoutes(state, engine.settler.settleDue, { provider, ...batch }), prefix)
        : []),
      ...(offersBatches ? compatibleBatchRoutes(state, engine, server, batch) : []),
    ],
  };
}

/** A key of one server opens nothing at another. */
function accountOf({ provider, keyHeader }: CompatibleServer, { headers }: CallHead): ReturnType<typeof authenticate> {
  const key = headers[keyHeader];
  const authorization = keyHeader === 'authorization' ? headers.authorization : key && `Bearer ${String(key)}`;
  const known = authenticate({ headers: authorization ? { authorization } : {} });
  return 'refusal' in known ? known : { account: `${provider}:${known.account}` };
}
