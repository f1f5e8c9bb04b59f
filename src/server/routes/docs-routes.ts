import { createHash } from 'node:crypto';
import type { App } from '../app.ts';
import { securityHeaders } from '../browser-rules.ts';
import { docsPage, docsStyle } from '../docs-page.ts';

/** By version. Making the document takes a tenth of a second, and servers of one version have the same. */
const documents = new Map<string, { json: string; page: string }>();

function documentOf(app: App, version: string): { json: string; page: string } {
  const known = documents.get(version);
  if (known) return known;
  const document = app.swagger();
  const made = { json: JSON.stringify(document), page: docsPage(document) };
  documents.set(version, made);
  return made;
}

/** The document and its page: the same for everybody, so they need no token. */
export function addDocsRoutes(app: App, version: string): void {
  const styleTag = `"${createHash('sha256').update(docsStyle).digest('base64url').slice(0, 16)}"`;
  // Before the first request, which would otherwise keep all others waiting.
  app.addHook('onReady', async () => {
    documentOf(app, version);
  });

  app.get('/openapi.json', { config: { role: 'open' }, schema: { hide: true } }, async (_request, reply) =>
    reply.header('content-type', 'application/json; charset=utf-8').send(documentOf(app, version).json),
  );
  app.get('/docs', { config: { role: 'open' }, schema: { hide: true } }, async (_request, reply) =>
    reply
      .headers(securityHeaders)
      .header('content-type', 'text/html; charset=utf-8')
      .send(documentOf(app, version).page),
  );
  app.get('/docs/docs.css', { config: { role: 'open' }, schema: { hide: true } }, async (_request, reply) =>
    reply.header('content-type', 'text/css; charset=utf-8').header('etag', styleTag).send(docsStyle),
  );
}
