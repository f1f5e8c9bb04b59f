import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyReply } from 'fastify';
import type { App } from './app.ts';
import { securityHeaders } from './browser-rules.ts';
import { HttpProblem } from './problem.ts';

const yearMs = 365 * 86_400_000;

/** Not the page's: an unknown path below one of these is a 404 with words for programs. */
const reserved = /^(batch|docs|health|healthz|ready|metrics|openapi\.json)(\/|$)/;

/**
 * The built dashboard. What has a hash in its name (`assets/`) is kept by browsers for ever; the page itself is asked
 * for each time. Every other path is one of the page's own. Only files that were there at the start are served, so no
 * path leads anywhere else.
 */
export async function addDashboard(app: App, directory: string | undefined): Promise<void> {
  if (directory === undefined || !existsSync(join(directory, 'index.html'))) return addNotice(app);
  const files = new Set(
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/')),
  );
  await app.register(fastifyStatic, { root: directory, serve: false, preCompressed: true, dotfiles: 'deny' });

  const send = (reply: FastifyReply, file: string) => {
    reply.headers(securityHeaders);
    if (file.startsWith('assets/')) return reply.sendFile(file, { maxAge: yearMs, immutable: true });
    return reply.header('cache-control', 'no-cache').sendFile(file, { cacheControl: false });
  };
  app.get<{ Params: { '*': string } }>('/*', { config: { role: 'open' }, schema: { hide: true } }, (request, reply) => {
    const path = request.params['*'];
    if (reserved.test(path)) return reply.callNotFound();
    if (files.has(path) && path.includes('.')) return send(reply, path);
    // A missing file is missing; every other path is a page, for a run may be called `report.csv`.
    if (path.startsWith('assets/')) return reply.callNotFound();
    return send(reply, 'index.html');
  });
}

function addNotice(app: App): void {
  app.get('/', { config: { role: 'open' }, schema: { hide: true } }, async () => {
    throw new HttpProblem(404, {
      code: 'no_dashboard',
      detail:
        'The dashboard is not built ("npm run dashboard" in a checkout makes it). The API is under /batch, its description at /docs.',
    });
  });
}
