import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { ZodType } from 'zod';
import type { Clock } from '../clock.ts';
import type { Service } from '../service/service.ts';
import type { RouteRole } from './auth.ts';
import type { EventFeed } from './event-feed.ts';
import type { ServerLimits } from './limits.ts';
import type { Metrics } from './metrics.ts';
import type { StreamGate } from './stream-gate.ts';

/** What every route is built with. */
export interface RouteContext {
  service: Service;
  feed: EventFeed;
  streams: StreamGate;
  clock: Clock;
  limits: ServerLimits;
  log: FastifyBaseLogger;
  metrics: Metrics;
}

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Every route says it; one that does not is refused when the server is built. */
    role?: RouteRole;
    /** The whole request may take as long as a bulk one. */
    isBulk?: boolean;
    /** Works for as long as it needs before it answers: to send a million jobs takes a minute. */
    isLong?: boolean;
    /** Answers for as long as the other side listens: in no duration, and not waited for at the end. */
    isStream?: boolean;
    /** Its handler and its refusals tell how long they took: a listener for the end of the answer costs a tenth. */
    timesItself?: boolean;
    /** Takes an Idempotency-Key; for the OpenAPI document. */
    isIdempotent?: boolean;
    /** For the OpenAPI document, where the route reads its body or writes its answer by itself. */
    documented?: { body?: ZodType; answer?: ZodType; contentType?: string };
  }
  interface FastifyRequest {
    /** Who asks; `open` while no token is asked for. */
    callerId: string;
    /** By `performance.now`; of requests with a body alone. */
    receivedAt: number;
  }
}
