import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { BodyError, type Call, type CallRequest, matchRoute, type Route } from './call.ts';
import type { RouteAction } from './fault-plan.ts';
import { authenticate } from './openai/authentication.ts';
import { badRequest, errorReply, notFound } from './openai/errors.ts';
import { randomHex } from './random.ts';
import { jsonReply, type Reply, sendCut, sendCutClean, sendReply } from './reply.ts';
import type { SandboxState } from './state.ts';

/** Turns routes into a server, and is the one place where faults spoil calls and replies. */
export function createSandboxServer(state: SandboxState, routes: readonly Route[]): Server {
  const server = createServer((request, response) => {
    response.on('error', () => {});
    handle(state, routes, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else void sendReply(response, internalError(error));
    });
  });
  // Uploads may be slow on purpose; a test client's stalls are its own matter.
  server.requestTimeout = 0;
  // With the default of five seconds, clients that use a kept connection at that moment see a reset nobody asked for.
  server.keepAliveTimeout = 120_000;
  return server;
}

async function handle(
  state: SandboxState,
  routes: readonly Route[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://sandbox');
  const method = request.method ?? 'GET';
  if (method === 'POST' && url.pathname === '/v1/batches') state.ledger.count('createCalls');
  const fault = url.pathname.startsWith('/_sandbox/') ? undefined : state.faults.forCall(method, url.pathname);
  // A call that is kept waiting has arrived: it is carried out even when its sender does not wait for the answer.
  const arrived = fault?.type === 'stall' && !isUpload(request) ? await readAhead(request) : request;
  const early = await beforeHandling(fault, request);
  if (early === 'destroy') {
    response.socket?.destroy();
    return;
  }
  const reply = early ?? (await answer(state, routes, { method, url, request: arrived, fault }));
  // An unread body would keep the connection from being used again, and the client from seeing the answer.
  if (!request.complete) request.resume();
  await send(response, withRequestId(reply), fault);
}

/** Faults that strike before anything happens: an answer instead, a dead connection, or a delay. */
async function beforeHandling(
  fault: RouteAction | undefined,
  request: IncomingMessage,
): Promise<Reply | 'destroy' | undefined> {
  if (fault?.type === 'reset') return 'destroy';
  if (fault?.type === 'status') {
    await drain(request);
    return faultReply(fault);
  }
  if (fault?.type !== 'stall') return undefined;
  // Unreferenced: a stalled call must not keep a closed sandbox's process alive.
  await sleep(fault.ms, undefined, { ref: false });
  return fault.then === 'reset' ? 'destroy' : undefined;
}

function isUpload(request: IncomingMessage): boolean {
  return request.headers['content-type']?.startsWith('multipart/') ?? false;
}

async function readAhead(request: IncomingMessage): Promise<CallRequest> {
  const chunks: unknown[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return {
    headers: request.headers,
    complete: true,
    resume: () => undefined,
    [Symbol.asyncIterator]: () => Readable.from(chunks)[Symbol.asyncIterator](),
  };
}

async function drain(request: IncomingMessage): Promise<void> {
  for await (const _ of request) {
    // Read to the end, so that the client is done sending when the refusal comes.
  }
}

async function answer(
  state: SandboxState,
  routes: readonly Route[],
  { method, url, request, fault }: { method: string; url: URL; request: CallRequest; fault: RouteAction | undefined },
): Promise<Reply> {
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
  if (!state.settings.batchApi && /^\/v1\/(?:files|batches)(?:\/|$)/.test(path)) {
    return { status: 404, headers: { 'content-type': 'text/plain' }, body: '404 page not found' };
  }
  let account = '';
  if (path.startsWith('/v1/')) {
    const known = authenticate(request);
    if ('refusal' in known) return known.refusal;
    account = known.account;
  }
  const match = matchRoute(routes, method, path);
  if (match === undefined) return notFound(`Invalid URL (${method} ${path})`);
  const call: Call = { method, path, names: match.names, query: url.searchParams, request, account, fault };
  try {
    return await match.route.handler(call);
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    return path.startsWith('/api/') ? jsonReply(400, { error: error.message }) : badRequest(error.message);
  }
}

async function send(response: ServerResponse, reply: Reply, fault: RouteAction | undefined): Promise<void> {
  switch (fault?.type) {
    case 'lost-reply':
      response.socket?.destroy();
      return;
    case 'status-after':
      return sendReply(response, withRequestId(faultReply(fault)));
    case 'cut-reply':
      return sendCut(response, reply, fault.bytes);
    case 'cut-reply-clean':
      return sendCutClean(response, reply, fault.bytes);
    default:
      return sendReply(response, reply);
  }
}

function faultReply(fault: Extract<RouteAction, { type: 'status' | 'status-after' }>): Reply {
  const headers = fault.type === 'status' ? (fault.headers ?? {}) : {};
  if (fault.type === 'status' && fault.html === true) {
    const text = typeof fault.body === 'string' ? fault.body : `<html><body><h1>${fault.status}</h1></body></html>`;
    return { status: fault.status, headers: { 'content-type': 'text/html', ...headers }, body: text };
  }
  return jsonReply(fault.status, fault.body ?? { error: standardError(fault.status) }, headers);
}

function standardError(status: number): Record<string, unknown> {
  const message = 'The sandbox was told to answer this.';
  if (status === 429) return { message, type: 'requests', param: null, code: 'rate_limit_exceeded' };
  return { message, type: status >= 500 ? 'server_error' : 'invalid_request_error', param: null, code: null };
}

function internalError(error: unknown): Reply {
  const message = `The sandbox failed: ${error instanceof Error ? error.message : String(error)}`;
  return errorReply(500, { message, type: 'server_error', param: null, code: null });
}

function withRequestId(reply: Reply): Reply {
  return { ...reply, headers: { 'x-request-id': `req_${randomHex(16)}`, ...reply.headers } };
}
