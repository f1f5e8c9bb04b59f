import { z } from 'zod';
import { health, ready } from '../../service/contract/operations.ts';
import type { App, RouteContext } from '../app.ts';

const alive = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' });

/** For those who run the server. `healthz` and `ready` are open: they tell one word. */
export function addOperationRoutes(
  app: App,
  { service, metrics, isClosing }: RouteContext & { isClosing: () => boolean },
): void {
  app.get(
    '/batch/health',
    {
      config: { role: 'read' },
      schema: { tags: ['operations'], summary: 'How it is, and why', response: { 200: health } },
    },
    () => service.views.health(),
  );

  app.get(
    '/health',
    {
      config: { role: 'read' },
      schema: {
        tags: ['operations'],
        summary: 'The same, as 503 when it is unhealthy',
        response: { 200: health, 503: health },
      },
    },
    async (_request, reply) => {
      const found = await service.views.health();
      return reply.code(found.status === 'unhealthy' ? 503 : 200).send(found);
    },
  );

  app.get(
    '/ready',
    {
      config: { role: 'open' },
      schema: { tags: ['operations'], summary: 'Whether it takes jobs now', response: { 200: ready, 503: ready } },
    },
    async (_request, reply) => {
      const isReady = !isClosing() && (await service.views.health()).store_connected;
      return reply.code(isReady ? 200 : 503).send({ ready: isReady });
    },
  );

  app.get(
    '/healthz',
    {
      config: { role: 'open' },
      schema: { tags: ['operations'], summary: 'Whether the process answers', response: { 200: alive } },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/metrics',
    {
      config: { role: 'read', documented: { answer: z.string(), contentType: 'text/plain' } },
      schema: { tags: ['operations'], summary: 'Figures for Prometheus' },
    },
    async (_request, reply) => {
      const { contentType, text } = await metrics.render();
      return reply.header('content-type', contentType).send(text);
    },
  );
}
