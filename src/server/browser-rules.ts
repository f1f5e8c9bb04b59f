import type { App } from './app.ts';
import { createOriginCheck } from './origin-check.ts';

/** With every answer: it is data, nothing in it runs, nobody keeps, frames or reads it. */
export const dataHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** With a page: nothing runs that is not a file of ours, and nothing is asked elsewhere. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

export function addBrowserRules(
  app: App,
  options: { boundTo: string; hosts: readonly string[]; origins: readonly string[] },
): void {
  const check = createOriginCheck(options);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(dataHeaders);
    const { method, headers } = request.raw;
    try {
      check.host(headers.host);
      if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') check.write(headers.origin, headers.host);
      const origin = check.allowed(headers.origin);
      if (origin !== undefined) reply.headers(corsHeaders(origin));
      done();
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

/** Only for origins that were named; no cookies are used, so none are allowed. */
function corsHeaders(origin: string): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, POST, PUT',
    'access-control-allow-headers': 'authorization, content-type, idempotency-key, last-event-id',
    'access-control-expose-headers': 'retry-after, x-request-id',
    'cross-origin-resource-policy': 'cross-origin',
    vary: 'origin',
  };
}
