import type { IncomingHttpHeaders } from 'node:http';
import type { RouteAction } from './fault-plan.ts';
import { isObject, type JsonObject, parseJson } from './json.ts';
import type { Reply } from './reply.ts';

/** As much of an HTTP request as handlers need: a body that was read already is one too. */
export interface CallRequest {
  headers: IncomingHttpHeaders;
  readonly complete: boolean;
  resume(): unknown;
  [Symbol.asyncIterator](): AsyncIterator<unknown>;
}

/** One request on its way through the sandbox. */
export interface Call {
  method: string;
  path: string;
  /** What the stars in the route stand for. */
  names: string[];
  query: URLSearchParams;
  request: CallRequest;
  /** SHA-256 of the key; empty on routes without keys. */
  account: string;
  /** A fault that changes what the handler does, rather than the reply. */
  fault: RouteAction | undefined;
}

export type Handler = (call: Call) => Promise<Reply> | Reply;

export interface Route {
  method: string;
  /** One star per segment that varies; `*:cancel` is a segment that ends in `:cancel`. The first route that fits wins. */
  path: string;
  handler: Handler;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** The body is too large or not a JSON object. */
export class BodyError extends Error {}

/** Reads a JSON body. Model calls carry images, so it may be large; files never come this way. */
export async function readJsonBody(request: CallRequest): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new BodyError('The request body is too large.');
    chunks.push(chunk);
  }
  const value = parseJson(Buffer.concat(chunks).toString('utf8'));
  if (!isObject(value)) {
    throw new BodyError('We could not parse the JSON body of your request. It must be a JSON object.');
  }
  return value;
}

export function matchRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; names: string[] } | undefined {
  const given = path.split('/');
  for (const route of routes) {
    if (route.method !== method) continue;
    const wanted = route.path.split('/');
    if (wanted.length !== given.length) continue;
    const found = wanted.map((segment, i) => starOf(segment, given[i] ?? ''));
    if (found.includes(undefined)) continue;
    const names = found.filter((name, i) => name !== undefined && wanted[i]?.startsWith('*') === true);
    return { route, names: names.map((name) => decode(name ?? '')) };
  }
  return undefined;
}

/** What the star of a pattern's segment stands for; '' without a star, `undefined` when the segment does not fit. */
export function starOf(pattern: string, segment: string): string | undefined {
  if (!pattern.startsWith('*')) return pattern === segment ? '' : undefined;
  const end = pattern.slice(1);
  return segment.endsWith(end) ? segment.slice(0, segment.length - end.length) : undefined;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
