import { resultRow } from '../../service/contract/batches.ts';
import { changed, retryRequest, runDetails, runsPage } from '../../service/contract/runs.ts';
import type { App, RouteContext } from '../app.ts';
import { runParams, runResultsQuery, runsQuery } from '../queries.ts';
import { followedResults, pagesOfResults, sendLines } from '../result-stream.ts';

export function addRunRoutes(app: App, context: RouteContext): void {
  const { service } = context;
  app.get(
    '/batch/runs',
    {
      config: { role: 'read' },
      schema: { tags: ['runs'], summary: 'Runs, newest first', querystring: runsQuery, response: { 200: runsPage } },
    },
    ({ query }) =>
      service.views.runs({
        limit: query.limit,
        ...(query.before === undefined ? {} : { before: query.before }),
        ...(query.job_type === undefined ? {} : { jobType: query.job_type }),
        ...(query.provider === undefined ? {} : { provider: query.provider }),
        ...(query.state === undefined ? {} : { state: query.state }),
        ...(query.search === undefined || query.search === '' ? {} : { search: query.search }),
      }),
  );

  app.get(
    '/batch/runs/:run_id',
    {
      config: { role: 'read' },
      schema: {
        tags: ['runs'],
        summary: 'A run: progress, costs, failures by reason, batches',
        params: runParams,
        response: { 200: runDetails },
      },
    },
    ({ params }) => service.views.run(params.run_id),
  );

  app.post(
    '/batch/runs/:run_id/cancel',
    {
      config: { role: 'queue' },
      schema: {
        tags: ['runs'],
        summary: 'Cancel a run: what was not sent is dropped, what is done stays',
        params: runParams,
        response: { 200: changed },
      },
    },
    async ({ params }) => {
      await service.queues.cancelRun(params.run_id);
      return { status: 'cancelling', message: `${params.run_id} is being cancelled; what is paid for still comes in.` };
    },
  );

  app.post(
    '/batch/runs/:run_id/retry',
    {
      config: { role: 'queue', isLong: true },
      schema: {
        tags: ['runs'],
        summary: 'Send the failed (or cancelled) jobs of a run again',
        params: runParams,
        body: retryRequest.nullish(),
        response: { 200: changed },
      },
    },
    async ({ params, body }) => {
      const count = await service.queues.retryRun(params.run_id, body?.states ?? ['failed']);
      return { status: 'queued', message: `${count} jobs are queued again.`, count };
    },
  );

  app.get(
    '/batch/runs/:run_id/results',
    {
      exposeHeadRoute: false,
      config: {
        role: 'read',
        isStream: true,
        documented: { answer: resultRow, contentType: 'application/x-ndjson' },
      },
      schema: {
        tags: ['results'],
        summary:
          'Results of a run as JSON lines, in the order in which they came; with follow, until the run has ended',
        params: runParams,
        querystring: runResultsQuery,
      },
    },
    async ({ params, query }, reply) => {
      // An unknown run is a 404 here, not an empty stream.
      await service.views.run(params.run_id);
      const wanted = { runId: params.run_id, after: query.after, limit: query.limit };
      if (query.follow !== 'true') return sendLines(context, reply, pagesOfResults(context, wanted));
      const rows = followedResults(context, wanted, context.streams.enter(reply.raw));
      sendLines(context, reply, rows);
      // The first row may be hours away: the client is told now that it is listening.
      reply.raw.flushHeaders();
      return reply;
    },
  );
}
