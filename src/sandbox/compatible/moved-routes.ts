import type { Call, Route } from '../call.ts';

/** OpenAI's routes at another place; their handlers are told the path that they know. */
export function movedRoutes(routes: readonly Route[], prefix: string): Route[] {
  return routes.map(({ method, path, handler }) => ({
    method,
    path: prefix + path.slice('/v1'.length),
    handler: (call: Call) => handler({ ...call, path: `/v1${call.path.slice(prefix.length)}` }),
  }));
}
