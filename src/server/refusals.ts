import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './app.ts';
import type { Metrics } from './metrics.ts';
import { HttpProblem, notFound, pathOf, problemDocument, problemOf, problemType } from './problem.ts';
import { logProblem } from './request-log.ts';

/** Everything that is refused leaves through here, as a problem document. Must be called before the routes are added. */
export function addRefusals(app: App, log: FastifyBaseLogger, metrics: Metrics): void {
  const routes: { pattern: RegExp; method: string }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    // The page's own paths are any; they allow nothing else.
    if (url === '/*') return;
    const pattern = new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[a-z_]+/g, '[^/]+')}/?$`);
    for (const each of [method].flat()) routes.push({ pattern, method: each });
  });
  const allowedAt = (path: string): string[] => [
    ...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)),
  ];

  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, request.id);
    logProblem(log, request, problem);
    const { config, url } = request.routeOptions;
    if (config.timesItself && url) metrics.observe(url, problem.status, performance.now() - request.receivedAt);
    return sendProblem(request, reply, problem);
  });
  const answerNothing = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = pathOf(request.raw.url);
    const allowed = allowedAt(path);
    if (allowed.length > 0) reply.header('allow', [...allowed, 'OPTIONS'].join(', '));
    if (allowed.length > 0 && request.method === 'OPTIONS') return reply.code(204).send();
    const problem =
      allowed.length > 0
        ? new HttpProblem(405, { code: 'method_not_allowed', detail: `${path} takes ${allowed.join(', ')}.` })
        : notFound('There is nothing at this path; /docs lists what there is.');
    logProblem(log, request, problem);
    return sendProblem(request, reply, problem);
  };
  // At once: Fastify would read the body first, and wait for one that does not come.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) answerNothing(request, reply);
    else done();
  });
  app.setNotFoundHandler(answerNothing);
}

export function sendProblem(
  request: Pick<FastifyRequest, 'id' | 'raw'>,
  reply: Pick<FastifyReply, 'header' | 'code'>,
  problem: HttpProblem,
): FastifyReply {
  // A body that nobody reads would be taken for the next request.
  if (!request.raw.complete) reply.header('connection', 'close');
  return reply
    .code(problem.status)
    .headers({ ...problem.headers, 'content-type': problemType, 'x-request-id': request.id })
    .send(JSON.stringify(problemDocument(problem, pathOf(request.raw.url))));
}

const brokenRequests: Readonly<Record<string, readonly [status: number, code: string, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'too_slow', 'The request did not arrive in time.'],
  HPE_HEADER_OVERFLOW: [431, 'too_large', 'The headers are too large.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'too_large', 'The extensions of the chunks are too large.'],
};

/** What is no HTTP, or too slow, never becomes a request: answered on the bare connection, which is then closed. */
export function answerBroken(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, code, detail] = brokenRequests[error.code ?? ''] ?? [400, 'bad_request', 'This is not valid HTTP.'];
  const body = JSON.stringify(problemDocument(new HttpProblem(status, { code, detail })));
  if (socket.writable && !isAnswering(socket)) {
    socket.write(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${problemType}\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}

/** Part of an answer is out already: a second one would be read as its body. */
function isAnswering(socket: Socket & { _httpMessage?: { headersSent?: boolean; req?: IncomingMessage } }): boolean {
  return socket._httpMessage?.headersSent === true;
}
