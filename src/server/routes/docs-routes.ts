import { createHash } from 'node:crypto';
import type { App } from '../app.ts';
import { securityHeaders } from '../browser-rules.ts';
import { docsPage, docsStyle } from '../docs-page.ts';

/** The document and its page: the same for everybody, so they need no token. */
export function addDocsRoutes(app: App): void {
  let written: { json: string; page: string } | undefined;
  const write = () => {
    const document = app.swagger();
    return { json: JSON.stringify(document), page: docsPage(document) };
  };
  const served = () => {
    written ??= write();
    return written;
  };
  const styleTag = `"${createHash('sha256').update(docsStyle).digest('base64url').slice(0, 16)}"`;

  app.get('/openapi.json', { config: { role: 'open' }, schema: { hide: true } }, async (_request, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send(served().json),
  );
  app.get('/docs', { config: { role: 'open' }, schema: { hide: true } }, async (_request, reply) =>
    reply.headers(securityHeaders).header('content-type', 'text/html; charset=utf-8').send(served().page),
  );
  app.get('/docs/docs.css', { config: { role: 'open' }, schema: { hide: true } }, async (_request, reply) =>
    reply.header('content-type', 'text/css; charset=utf-8').header('etag', styleTag).send(docsStyle),
  );
}
