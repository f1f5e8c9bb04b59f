import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type { Undo } from '../../support/temporary.ts';
import { Refusal } from './refusal.ts';
import { answer } from './routes.ts';
import { isoAt, type World } from './world.ts';

export interface MockServer {
  url: string;
  world: World;
  /** `POST /batch/queue/bulk` ... */
  calls: { line: string; idempotencyKey: string | undefined; body: unknown }[];
  /** Tells every open stream of events. */
  tell(type: string, about: { run_id?: string; batch_id?: string }): void;
  /** Cuts the streams of events; they may come back. */
  cutStreams(): void;
  /** `Last-Event-ID` of every stream that was opened. */
  streamsSince: (string | undefined)[];
  /** Answers the next call of a path so. */
  failNext(path: string, status: number): void;
  close(): Promise<void>;
}

export interface MockOptions {
  world: World;
  /** The built dashboard. */
  directory: string;
  /** Roles by token; without, nobody is asked for one. */
  tokens?: Readonly<Record<string, 'read' | 'queue' | 'admin'>>;
}

/** As the real server sends them: the page must live under exactly this. */
const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Gives out the dashboard with the policy of the real server, and answers its calls out of a world. */
export async function startMockServer(undo: Undo, options: MockOptions): Promise<MockServer> {
  const { world, directory } = options;
  const streams = new Set<ServerResponse>();
  const failures = new Map<string, number>();
  let lastEventId = 100;

  const tell: MockServer['tell'] = (
    type,
    { run_id = null, batch_id = null }: { run_id?: string | null; batch_id?: string | null },
  ) => {
    lastEventId += 1;
    const event = { id: lastEventId, at: isoAt(Date.now()), type, run_id, batch_id, detail: null };
    for (const stream of streams) stream.write(`id: ${lastEventId}\ndata: ${JSON.stringify(event)}\n\n`);
  };

  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    handle(request, response).catch((error: unknown) => {
      const problem =
        error instanceof Refusal
          ? error.problem
          : { type: 'about:blank', title: 'Internal Server Error', status: 500, detail: String(error) };
      send(response, problem.status, 'application/problem+json', JSON.stringify(problem));
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (!url.pathname.startsWith('/batch/')) return sendFile(response, directory, url.pathname);
    const parts = url.pathname.split('/').slice(2).map(decodeURIComponent);
    const method = request.method ?? 'GET';
    checkToken(request, method, parts, options.tokens);
    if (parts[0] === 'events') return openStream(request, response);
    const text = await readAll(request);
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const key = request.headers['idempotency-key'];
    calls.push({ line: `${method} ${url.pathname}`, idempotencyKey: typeof key === 'string' ? key : undefined, body });
    const failure = failures.get(url.pathname);
    if (failure !== undefined) {
      failures.delete(url.pathname);
      throw new Refusal(failure, 'Service Unavailable', 'The store is busy.');
    }
    const found = answer(world, { method, parts, query: Object.fromEntries(url.searchParams), body }, tell);
    const isText = found.contentType !== undefined;
    send(
      response,
      found.status,
      found.contentType ?? 'application/json; charset=utf-8',
      isText ? String(found.body) : JSON.stringify(found.body),
    );
  }

  const calls: MockServer['calls'] = [];
  const streamsSince: MockServer['streamsSince'] = [];
  function openStream(request: IncomingMessage, response: ServerResponse): void {
    const since = request.headers['last-event-id'];
    streamsSince.push(typeof since === 'string' ? since : undefined);
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    response.write('retry: 2000\n\n: still here\n\n');
    streams.add(response);
    response.once('close', () => streams.delete(response));
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const mock: MockServer = {
    url: `http://127.0.0.1:${port}`,
    world,
    calls,
    tell,
    streamsSince,
    cutStreams: () => {
      for (const stream of streams) stream.end();
    },
    failNext: (path, status) => void failures.set(path, status),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  undo(() => mock.close());
  return mock;
}

/** As the real server: reading, queueing and settings ask for more and more. */
function checkToken(request: IncomingMessage, method: string, parts: readonly string[], tokens: MockOptions['tokens']) {
  if (!tokens) return;
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined) throw new Refusal(401, 'Unauthorized', 'Send a token: Authorization: Bearer op_...');
  const role = tokens[token];
  if (!role) throw new Refusal(401, 'Unauthorized', 'The token is unknown or was revoked.');
  const needed = method === 'GET' ? 'read' : parts[0] === 'settings' || parts[0] === 'scheduler' ? 'admin' : 'queue';
  const roles = ['read', 'queue', 'admin'];
  if (roles.indexOf(role) >= roles.indexOf(needed)) return;
  const refusal = new Refusal(
    403,
    'Forbidden',
    `This needs a token with the role ${needed}; this one may only ${role}.`,
  );
  refusal.problem.code = 'forbidden';
  throw refusal;
}

async function sendFile(response: ServerResponse, directory: string, path: string): Promise<void> {
  const file = extname(path) === '' ? 'index.html' : normalize(path).replace(/^[/\\]+/, '');
  try {
    const content = await readFile(join(directory, file));
    send(response, 200, contentTypes[extname(file)] ?? 'application/octet-stream', content);
  } catch {
    send(response, 404, 'text/plain', 'Not found');
  }
}

function send(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(body);
}

async function readAll(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}
