import { isIPv6 } from 'node:net';
import { fastify } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type Logger, pino } from 'pino';
import { type Clock, systemClock } from '../clock.ts';
import { hasCode, OffpeakError } from '../errors.ts';
import { type Random, randomText } from '../ids.ts';
import type { Service } from '../service/service.ts';
import { addAccess } from './access.ts';
import type { App, RouteContext } from './app.ts';
import { createAuthenticator, type TokenStore } from './auth.ts';
import { addJsonParser, watchBodies } from './bodies.ts';
import { addBrowserRules, dataHeaders } from './browser-rules.ts';
import { createEventFeed } from './event-feed.ts';
import { defaultLimits, type ServerLimits } from './limits.ts';
import { addMetrics } from './metrics.ts';
import { addOpenApi } from './openapi.ts';
import { HttpProblem, problemOf } from './problem.ts';
import { addRefusals, answerBroken, sendProblem } from './refusals.ts';
import { addRequestLog } from './request-log.ts';
import { addRoutes } from './routes/routes.ts';
import { useSchemas } from './schemas.ts';
import { createStreamGate } from './stream-gate.ts';

export interface ServerOptions {
  service: Service;
  /** Where the tokens stand. */
  tokens: TokenStore;
  /** Of Offpeak, for the documents. */
  version: string;
  /** Default 127.0.0.1; beyond this machine only with a token. */
  host?: string;
  /** 0, the default: any free one. */
  port?: number;
  /** The built dashboard; absent: none is served. */
  dashboardDirectory?: string;
  /** Other names of this server, as a browser or a proxy calls it. */
  allowedHosts?: readonly string[];
  /** Origins whose pages may read and write here (`https://app.example.com`); none without. */
  allowedOrigins?: readonly string[];
  log?: Logger;
  clock?: Clock;
  random?: Random;
  limits?: Partial<ServerLimits>;
}

export interface OffpeakServer {
  /** Throws `config` where the address cannot be had, or may not be without a token. `open`: nobody needs one. */
  listen(): Promise<{ url: string; access: 'open' | 'tokens' }>;
  /** Something has changed in the store: those who listen to events need not wait for the next look. */
  notify(): void;
  /** Takes no more requests, ends the streams, and finishes what is under way: at most `limits.closeMs`. */
  close(): Promise<void>;
  readonly app: App;
}

/**
 * HTTP for a service; it holds no state of its own.
 *
 * @example
 * const server = createServer({ service, tokens: store.service, version: '1.0.0' });
 * const { url } = await server.listen();
 */
export function createServer(options: ServerOptions): OffpeakServer {
  const { service, clock = systemClock, random = Math.random, host = '127.0.0.1' } = options;
  const limits: ServerLimits = { ...defaultLimits, ...options.limits };
  const log = options.log ?? pino({ enabled: false });
  const app = createApp(limits, random);
  const auth = createAuthenticator({ store: options.tokens, clock, host, ...limits });
  const feed = createEventFeed({ views: service.views, clock, ...limits, warn: (message) => log.warn(message) });
  const streams = createStreamGate(limits.streams);
  const metrics = addMetrics(app, service.views);
  const context: RouteContext = { service, feed, streams, clock, limits, log, metrics };
  let closing: Promise<void> | undefined;

  useSchemas(app, log);
  addRequestLog(app, log);
  app.addHook('onRequest', (_request, _reply, done) => done(closing && isClosingProblem()));
  addBrowserRules(app, { boundTo: host, hosts: options.allowedHosts ?? [], origins: options.allowedOrigins ?? [] });
  addRefusals(app, log, metrics);
  addAccess(app, { auth, clock, requestsPerSecond: limits.requestsPerSecond });
  addPatience(app, limits);
  const bodies = watchBodies(app, { timeoutMs: limits.bodyTimeoutMs, checkIntervalMs: limits.checkIntervalMs });
  addJsonParser(app, bodies);
  // One after another: the document sees only routes that come after it.
  app.register(async (root) => {
    const scope = root.withTypeProvider<ZodTypeProvider>();
    await addOpenApi(scope, options.version);
    await addRoutes(scope, {
      ...context,
      auth,
      version: options.version,
      isClosing: () => closing !== undefined,
      ...(options.dashboardDirectory === undefined ? {} : { dashboardDirectory: options.dashboardDirectory }),
    });
  });

  const close = async (): Promise<void> => {
    streams.close();
    // A connection that becomes idle after the beginning of the end would otherwise be waited for.
    const sweep = setInterval(() => app.server.closeIdleConnections(), 50);
    const late = setTimeout(() => app.server.closeAllConnections(), limits.closeMs);
    await app.close();
    clearInterval(sweep);
    clearTimeout(late);
    await feed.close();
    bodies.close();
    metrics.close();
  };

  return {
    app,
    async listen() {
      const access = await auth.start();
      await app.listen({ host, port: options.port ?? 0 }).catch((error: unknown) => {
        throw cannotListen(error, host, options.port ?? 0);
      });
      const address = app.server.address();
      const port = typeof address === 'object' && address ? address.port : options.port;
      const url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
      log.info({ url, access }, access === 'open' ? 'listening; no token is asked for, as there is none' : 'listening');
      return { url, access };
    },
    notify: feed.notify,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** A connection is cut when nothing moves on it; while a long route works nothing does. */
function addPatience(app: App, { stallMs }: ServerLimits): void {
  app.addHook('onRoute', (route) => {
    if (!route.config?.isLong) return;
    route.preHandler = (request, _reply, done) => {
      request.raw.socket.setTimeout(0);
      done();
    };
    route.onSend = (request, _reply, payload, done) => {
      request.raw.socket.setTimeout(stallMs);
      done(null, payload);
    };
  });
}

function createApp(limits: ServerLimits, random: Random): App {
  const process = randomText(4, random);
  let requests = 0;
  return fastify({
    logger: false,
    genReqId: () => `${process}-${(requests++).toString(36)}`,
    bodyLimit: limits.bodyBytes,
    // The longest that any route allows; the others are watched by themselves.
    requestTimeout: limits.bulkTimeoutMs,
    connectionTimeout: limits.stallMs,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 300, ignoreTrailingSlash: true },
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
    },
    clientErrorHandler: answerBroken,
    // A path that is none: no hook runs for it, the headers are set here.
    frameworkErrors: (error, request, reply) => {
      reply.headers(dataHeaders);
      sendProblem(request, reply, problemOf(error, request.id));
    },
  }).withTypeProvider<ZodTypeProvider>();
}

function isClosingProblem(): HttpProblem {
  return new HttpProblem(503, {
    code: 'closing',
    detail: 'The server is closing; ask again in a moment.',
    headers: { 'retry-after': '2', connection: 'close' },
  });
}

function cannotListen(error: unknown, host: string, port: number): unknown {
  if (hasCode(error) || !(error instanceof Error) || !('code' in error)) return error;
  const reasons: Record<string, string> = {
    EADDRINUSE: 'something listens there already; choose another port',
    EACCES: 'this user may not; choose a port above 1023',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'there is no such name',
  };
  const reason = reasons[String(error.code)];
  if (reason === undefined) return error;
  return new OffpeakError(`Cannot listen on ${host}:${port}: ${reason}.`, { code: 'config', cause: error });
}
