import { serverEvent } from '../../service/contract/deliveries.ts';
import type { App, RouteContext } from '../app.ts';
import type { Authenticator } from '../auth.ts';
import { streamEvents } from '../event-stream.ts';
import { invalid } from '../problem.ts';
import { eventsQuery } from '../queries.ts';

export function addEventRoutes(app: App, context: RouteContext, auth: Authenticator): void {
  app.get(
    '/batch/events',
    {
      exposeHeadRoute: false,
      config: {
        role: 'read',
        isStream: true,
        documented: { answer: serverEvent, contentType: 'text/event-stream' },
      },
      schema: {
        tags: ['events'],
        summary: 'Changes of runs and batches as server-sent events; go on with Last-Event-ID or after',
        querystring: eventsQuery,
      },
    },
    async (request, reply) => {
      const { query } = request;
      const after = lastEventIdOf(request.headers['last-event-id']) ?? query.after;
      const signal = context.streams.enter(reply.raw);
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      // nginx would otherwise keep events back.
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
      try {
        await streamEvents({
          response: reply.raw,
          views: context.service.views,
          feed: context.feed,
          filter: {
            ...(query.run_id === undefined ? {} : { runId: query.run_id }),
            ...(query.batch_id === undefined ? {} : { batchId: query.batch_id }),
          },
          after,
          limits: context.limits,
          checkAccess: async () => auth.authenticate(request.raw),
          signal,
        });
      } catch (error) {
        // The reader comes back with its last id; nothing can be told to it any more.
        context.log.warn({ err: error }, 'a stream of events broke off');
        reply.raw.destroy();
      }
    },
  );
}

function lastEventIdOf(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === '') return undefined;
  if (typeof header !== 'string' || !/^\d{1,15}$/.test(header)) {
    throw invalid([{ field: 'Last-Event-ID', message: 'must be the id of an event' }]);
  }
  return Number(header);
}
