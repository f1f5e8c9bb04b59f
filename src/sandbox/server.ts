import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { BodyError, type Call, type CallRequest, matchRoute } from './call.ts';
import type { RouteAction } from './fault-plan.ts';
import { type CallHead, type Front, isUpload } from './front.ts';
import { jsonReply, type Reply, sendCut, sendCutClean, sendReply } from './reply.ts';
import type { SandboxState } from './state.ts';

const TOLD = 'The sandbox was told to answer this.';

/** Turns fronts into a server, and is the one place where faults spoil calls and replies. */
export function createSandboxServer(state: SandboxState, fronts: readonly Front[]): Server {
  const server = createServer((request, response) => {
    response.on('error', () => {});
    const head = headOf(request);
    const front = fronts.find((candidate) => candidate.owns(head));
    if (front === undefined) throw new Error(`No front owns ${head.method} ${head.path}.`);
    handle(state, front, head, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else void sendReply(response, withHeaders(front, internalError(front, error)));
    });
  });
  // Uploads may be slow on purpose; a test client's stalls are its own matter.
  server.requestTimeout = 0;
  // With the default of five seconds, clients that use a kept connection at that moment see a reset nobody asked for.
  server.keepAliveTimeout = 120_000;
  return server;
}

function headOf(request: IncomingMessage): CallHead {
  // Not every request line is a URL: `//` is none.
  const url = URL.parse(request.url ?? '/', 'http://sandbox') ?? new URL('http://sandbox/');
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
  return { method: request.method ?? 'GET', path, query: url.searchParams, headers: request.headers };
}

async function handle(
  state: SandboxState,
  front: Front,
  head: CallHead,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (front.isCreate(head)) state.ledger.of(front.provider).count('createCalls');
  const fault = head.path.startsWith('/_sandbox/') ? undefined : state.faults.forCall(head.method, head.path);
  // A call that is kept waiting has arrived: it is carried out even when its sender does not wait for the answer.
  const arrived = fault?.type === 'stall' && !isUpload(request, head.path) ? await readAhead(request) : request;
  const early = await beforeHandling(front, fault, request);
  if (early === 'destroy') {
    request.socket.destroy();
    return;
  }
  const reply = early ?? (await answer(front, head, arrived, fault));
  // An unread body would keep the connection from being used again, and the client from seeing the answer.
  if (!request.complete) request.resume();
  await send(response, withHeaders(front, reply), front, fault);
}

/** Faults that strike before anything happens: an answer instead, a dead connection, or a delay. */
async function beforeHandling(
  front: Front,
  fault: RouteAction | undefined,
  request: IncomingMessage,
): Promise<Reply | 'destroy' | undefined> {
  if (fault?.type === 'reset') return 'destroy';
  if (fault?.type === 'status') {
    await drain(request);
    return faultReply(front, fault);
  }
  if (fault?.type !== 'stall') return undefined;
  // Unreferenced: a stalled call must not keep a closed sandbox's process alive.
  await sleep(fault.ms, undefined, { ref: false });
  return fault.then === 'reset' ? 'destroy' : undefined;
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
  front: Front,
  head: CallHead,
  request: CallRequest,
  fault: RouteAction | undefined,
): Promise<Reply> {
  const { method, path, query } = head;
  const known = front.authenticate(head);
  if ('refusal' in known) return known.refusal;
  const match = matchRoute(front.routes, method, path);
  if (match === undefined) return front.errorReply(404, `Invalid URL (${method} ${path})`);
  const call: Call = { method, path, names: match.names, query, request, account: known.account, fault };
  try {
    return await match.route.handler(call);
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    return front.errorReply(400, error.message);
  }
}

async function send(
  response: ServerResponse,
  reply: Reply,
  front: Front,
  fault: RouteAction | undefined,
): Promise<void> {
  switch (fault?.type) {
    case 'lost-reply':
      response.req.socket.destroy();
      return;
    case 'status-after':
      return sendReply(response, withHeaders(front, faultReply(front, fault)));
    case 'cut-reply':
      return sendCut(response, reply, fault.bytes);
    case 'cut-reply-clean':
      return sendCutClean(response, reply, fault.bytes);
    default:
      return sendReply(response, reply);
  }
}

function faultReply(front: Front, fault: Extract<RouteAction, { type: 'status' | 'status-after' }>): Reply {
  const headers = fault.type === 'status' ? (fault.headers ?? {}) : {};
  if (fault.type === 'status' && fault.html === true) {
    const text = typeof fault.body === 'string' ? fault.body : `<html><body><h1>${fault.status}</h1></body></html>`;
    return { status: fault.status, headers: { 'content-type': 'text/html', ...headers }, body: text };
  }
  if (fault.body !== undefined) return jsonReply(fault.status, fault.body, headers);
  const reply = front.errorReply(fault.status, TOLD);
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

function internalError(front: Front, error: unknown): Reply {
  return front.errorReply(500, `The sandbox failed: ${error instanceof Error ? error.message : String(error)}`);
}

function withHeaders(front: Front, reply: Reply): Reply {
  return { ...reply, headers: { ...front.headers(), ...reply.headers } };
}
