import type { BatchEngine } from '../batches/engine.ts';
import type { CallHead, Front } from '../front.ts';
import { randomHex } from '../random.ts';
import type { SandboxState } from '../state.ts';
import { authenticate } from './authentication.ts';
import { OPENAI } from './batch-details.ts';
import { batchRoutes } from './batches.ts';
import { openAiDialect } from './dialect.ts';
import { errorReply } from './errors.ts';
import { fileRoutes } from './files.ts';
import { realtimeRoutes } from './realtime.ts';

/** OpenAI's API, and every path that nobody else owns. */
export function openAiFront(state: SandboxState, engine: BatchEngine): Front {
  const lacks = ({ path }: CallHead): boolean =>
    !state.settings.batchApi && /^\/v1\/(?:files|batches)(?:\/|$)/.test(path);
  return {
    provider: OPENAI,
    dialect: openAiDialect,
    owns: () => true,
    authenticate(head) {
      if (lacks(head)) {
        const headers = { 'content-type': 'text/plain' };
        return { refusal: { status: 404, headers, body: '404 page not found' } };
      }
      return head.path.startsWith('/v1/') ? authenticate(head) : { account: '' };
    },
    errorReply(status, message) {
      if (status === 429)
        return errorReply(429, { message, type: 'requests', param: null, code: 'rate_limit_exceeded' });
      const type = status >= 500 ? 'server_error' : 'invalid_request_error';
      return errorReply(status, { message, type, param: null, code: null });
    },
    headers: () => ({ 'x-request-id': `req_${randomHex(16)}` }),
    isCreate: ({ method, path }) => method === 'POST' && path === '/v1/batches',
    routes: [...fileRoutes(state, engine.settler.settleDue), ...batchRoutes(state, engine), ...realtimeRoutes(state)],
  };
}
