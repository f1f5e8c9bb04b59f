import type { FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { TokenRole } from '../service-store.ts';
import type { App } from './app.ts';
import { type Authenticator, anybody, type Caller, mayUse } from './auth.ts';
import { HttpProblem, tooMany } from './problem.ts';
import { createRateLimit } from './rate-limit.ts';

type Done = (error?: Error) => void;

/**
 * Puts a guard before every route, by the role it declares. A route without one cannot be built, so none is forgotten.
 * Hooks with callbacks, not promises: a token that is known costs no turn of the event loop.
 */
export function addAccess(app: App, options: { auth: Authenticator; clock: Clock; requestsPerSecond: number }): void {
  const { auth, clock } = options;
  const requests = createRateLimit({ perSecond: options.requestsPerSecond, clock });
  app.decorateRequest('callerId', anybody.id);

  const admit = (caller: Caller, role: TokenRole, request: FastifyRequest): void => {
    // The machine's own programs are not slowed down while nobody asks them for a token.
    if (caller === anybody) return;
    if (!mayUse(caller.role, role)) throw forbidden(caller.role, role);
    const wait = requests.take(caller.id);
    if (wait > 0) throw tooMany('This token sends too many requests.', wait);
    request.callerId = caller.id;
  };
  const guard = (role: TokenRole) => (request: FastifyRequest, _reply: unknown, done: Done) => {
    try {
      const caller = auth.authenticate(request.raw);
      if (!(caller instanceof Promise)) {
        admit(caller, role, request);
        return done();
      }
      caller.then((each) => admit(each, role, request)).then(() => done(), done);
    } catch (error) {
      done(asError(error));
    }
  };

  app.addHook('onRoute', (route) => {
    const role = route.config?.role;
    if (role === undefined) throw new Error(`The route ${String(route.method)} ${route.url} declares no role.`);
    if (role === 'open') return;
    const others = route.onRequest === undefined ? [] : [route.onRequest].flat();
    route.onRequest = [guard(role), ...others];
  });
}

function forbidden(role: TokenRole, needed: TokenRole): HttpProblem {
  return new HttpProblem(403, {
    code: 'forbidden',
    detail: `This needs a token with the role ${needed}; this one may only ${role}.`,
  });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
