import type { BatchEngine } from '../../batches/engine.ts';
import type { Route } from '../../call.ts';
import type { CallHead, Front } from '../../front.ts';
import { authenticate } from '../../openai/authentication.ts';
import { realtimeRoutes } from '../../openai/realtime.ts';
import { randomHex } from '../../random.ts';
import type { SandboxState } from '../../state.ts';
import { movedRoutes } from '../moved-routes.ts';
import { XAI, XAI_PREFIX } from './batch-details.ts';
import { xaiBatchRoutes } from './batches.ts';
import { xaiDialect } from './dialect.ts';
import { inXaiForm, xaiError } from './errors.ts';
import { xaiFileRoutes } from './files.ts';

/** xAI: OpenAI's realtime calls and nearly its files, but batches and errors of its own. */
export function xaiFront(state: SandboxState, engine: BatchEngine): Front {
  const offersBatches = state.settings.batchApi;
  const batchRoutes = (): Route[] => [
    ...movedRoutes(xaiFileRoutes(state), XAI_PREFIX),
    ...xaiBatchRoutes(state, engine),
  ];
  const routes = [...movedRoutes(realtimeRoutes(state, XAI), XAI_PREFIX), ...(offersBatches ? batchRoutes() : [])];
  return {
    provider: XAI,
    dialect: xaiDialect,
    owns: ({ path }) => path === XAI_PREFIX || path.startsWith(`${XAI_PREFIX}/`),
    authenticate: accountOf,
    errorReply: xaiError,
    headers: () => ({ 'x-request-id': `req_${randomHex(16)}` }),
    isCreate: ({ method, path }) => offersBatches && method === 'POST' && path === `${XAI_PREFIX}/batches`,
    routes: routes.map(({ handler, ...route }) => ({
      ...route,
      handler: async (call) => inXaiForm(await handler(call)),
    })),
  };
}

/** A wrong key is a 400 here; that no key at all is one too is unconfirmed. */
function accountOf({ headers }: CallHead): ReturnType<Front['authenticate']> {
  const known = authenticate({ headers });
  if ('account' in known) return { account: `${XAI}:${known.account}` };
  const hint = 'Here every key is right that does not begin with "sk-invalid".';
  return { refusal: xaiError(400, `Incorrect API key provided. ${hint}`) };
}
