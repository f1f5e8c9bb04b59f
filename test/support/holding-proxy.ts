import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Undo } from './temporary.ts';

/** Stands before a sandbox and keeps an answer back, after the sandbox has done what was asked. */
export interface HoldingProxy {
  url: string;
  /** Resolves when the first answer to such a call is there and held; nobody ever gets it. */
  hold(method: string, path: string): Promise<void>;
}

export async function startHoldingProxy(
  undo: Undo,
  target: string,
  /** Makes another body of an answer's. */
  rewrite: (url: string, bytes: Buffer) => Buffer = (_, bytes) => bytes,
): Promise<HoldingProxy> {
  let held: { method: string; path: string; done: () => void } | undefined;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = 'GET', url = '/' } = request;
    const headers = forwarded(Object.entries(request.headers));
    const body = method === 'GET' ? {} : { body: Buffer.concat(chunks) };
    const answer = await fetch(target + url, { method, headers, ...body });
    const bytes = rewrite(url, Buffer.from(await answer.arrayBuffer()));
    if (held?.method === method && held.path === url.split('?')[0]) {
      held.done();
      held = undefined;
      return;
    }
    const own = `http://${request.headers.host}`;
    const answered = forwarded([...answer.headers].map(([name, value]) => [name, value.replaceAll(target, own)]));
    response.writeHead(answer.status, { ...answered, 'content-length': String(bytes.length) });
    response.end(bytes);
  });
  server.on('clientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  undo(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold: (method, path) =>
      new Promise((resolve) => {
        held = { method, path, done: resolve };
      }),
  };
}

/** Those of one connection are not the next one's. */
const ownOfConnection = ['host', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'expect'];

function forwarded(headers: readonly (readonly [string, string | string[] | undefined])[]): Record<string, string> {
  return Object.fromEntries(
    headers.flatMap(([name, value]) =>
      typeof value === 'string' && !ownOfConnection.includes(name) ? [[name, value]] : [],
    ),
  );
}
