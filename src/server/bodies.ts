import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './app.ts';
import { HttpProblem, invalid } from './problem.ts';

/** Bodies: JSON only, no `__proto__`, and not arriving byte by byte for ever. */

/** Requests whose body is still arriving. */
export interface ArrivingBodies {
  arrived(request: FastifyRequest): void;
  close(): void;
}

/**
 * Node has one time limit for every request, which is the one of the bulk routes; the short one of the others is watched
 * here, all requests by one timer. Must be called before the routes are added.
 */
export function watchBodies(app: App, options: { timeoutMs: number; checkIntervalMs: number }): ArrivingBodies {
  const arriving = new Map<FastifyRequest, { reply: FastifyReply; until: number }>();
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [request, { reply, until }] of arriving) {
      const isOver = request.raw.complete || request.raw.destroyed || reply.sent;
      if (!isOver && until > now) continue;
      arriving.delete(request);
      if (!isOver) refuseSlow(request, reply, options.timeoutMs);
    }
  }, options.checkIntervalMs);
  timer.unref();
  app.decorateRequest('receivedAt', 0);
  app.addHook('onRoute', (route) => {
    const hasBody = route.method === 'POST' || route.method === 'PUT';
    if (!hasBody || route.config?.isBulk) return;
    const others = route.onRequest === undefined ? [] : [route.onRequest].flat();
    const watch: (typeof others)[number] = (request, reply, done) => {
      request.receivedAt = performance.now();
      arriving.set(request, { reply, until: request.receivedAt + options.timeoutMs });
      done();
    };
    route.onRequest = [...others, watch];
  });
  return {
    arrived: (request) => arriving.delete(request),
    close: () => clearInterval(timer),
  };
}

function refuseSlow(request: FastifyRequest, reply: FastifyReply, timeoutMs: number): void {
  reply.raw.once('finish', () => request.raw.destroy());
  reply.header('connection', 'close');
  void reply.send(
    new HttpProblem(408, { code: 'too_slow', detail: `The body did not arrive within ${timeoutMs / 1000} s.` }),
  );
}

export type ParseJson = (request: FastifyRequest, text: string) => unknown;

/** Text to a value with Fastify's rules for bodies: no `__proto__`. Throws what is wrong with it. */
export function strictJson(app: App): ParseJson {
  const parse = app.getDefaultJsonParser('error', 'error');
  return (request, text) => {
    const result: { error?: Error; value?: unknown } = {};
    // It calls back at once.
    void parse(request, text, (error, value) => {
      if (error) result.error = error;
      else result.value = value;
    });
    if (result.error) throw result.error;
    return result.value;
  };
}

/** A JSON body as a value; an empty one is none, whatever its content type says. */
export function addJsonParser(app: App, bodies: ArrivingBodies): void {
  const parse = strictJson(app);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    bodies.arrived(request);
    if (text === '') return done(null, undefined);
    try {
      done(null, parse(request, String(text)));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)), undefined);
    }
  });
}

/** A JSON body as the bytes it came in, for routes that read it piece by piece. */
export function addBytesParser(app: App, bodyLimit: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit }, (_request, bytes, done) => {
    done(null, bytes);
  });
}

export function bytesOf(request: FastifyRequest): Buffer {
  if (!Buffer.isBuffer(request.body)) throw invalid([{ field: 'body', message: 'is missing' }]);
  return request.body;
}
