import type { Result } from '../../service/contract/batches.ts';
import { activeResponse, batchDetails, batchResults, batchSummary, resultRow } from '../../service/contract/batches.ts';
import { batchesPage, changed } from '../../service/contract/runs.ts';
import type { App, RouteContext } from '../app.ts';
import { conflict, notFound } from '../problem.ts';
import { batchesQuery, batchParams, batchResultsQuery, resultsQuery } from '../queries.ts';
import { inPieces, pagesOfResults, sendLines, sendText } from '../result-stream.ts';

export function addBatchRoutes(app: App, context: RouteContext): void {
  const { views, queues } = context.service;
  app.get(
    '/batch/status/:batch_id',
    {
      config: { role: 'read' },
      schema: {
        tags: ['batches'],
        summary: 'A batch and what its provider says of it',
        params: batchParams,
        response: { 200: batchSummary },
      },
    },
    ({ params }) => views.batch(params.batch_id),
  );

  app.get(
    '/batch/active',
    {
      config: { role: 'read' },
      schema: { tags: ['batches'], summary: 'Batches that have not ended', response: { 200: activeResponse } },
    },
    async () => {
      const batches = await views.active();
      return { count: batches.length, batches };
    },
  );

  app.get(
    '/batch/batches',
    {
      config: { role: 'read' },
      schema: {
        tags: ['batches'],
        summary: 'Batches, newest first',
        querystring: batchesQuery,
        response: { 200: batchesPage },
      },
    },
    ({ query }) =>
      views.batches({
        limit: query.limit,
        openOnly: query.open === 'true',
        ...(query.before === undefined ? {} : { before: query.before }),
        ...(query.run_id === undefined ? {} : { runId: query.run_id }),
        ...(query.job_type === undefined ? {} : { jobType: query.job_type }),
        ...(query.provider === undefined ? {} : { provider: query.provider }),
      }),
  );

  app.get(
    '/batch/batches/:batch_id',
    {
      config: { role: 'read' },
      schema: {
        tags: ['batches'],
        summary: 'A batch: its states, files, costs',
        params: batchParams,
        response: { 200: batchDetails },
      },
    },
    ({ params }) => views.batch(params.batch_id),
  );

  app.post(
    '/batch/batches/:batch_id/cancel',
    {
      config: { role: 'queue' },
      schema: {
        tags: ['batches'],
        summary: 'Stop a batch at its provider; what it has answered already is kept',
        params: batchParams,
        response: { 200: changed },
      },
    },
    async ({ params }) => {
      if (!(await queues.cancelBatch(params.batch_id))) {
        throw conflict('ended', `${params.batch_id} has ended; there is nothing to cancel.`);
      }
      return { status: 'cancelling', message: `${params.batch_id} is being stopped at its provider.` };
    },
  );

  addResultRoutes(app, context);
}

function addResultRoutes(app: App, context: RouteContext): void {
  const { views } = context.service;
  app.get(
    '/batch/results/:batch_id',
    {
      exposeHeadRoute: false,
      config: { role: 'read', documented: { answer: batchResults } },
      schema: {
        tags: ['results'],
        summary: 'Results of a batch that has ended, a page',
        params: batchParams,
        querystring: batchResultsQuery,
      },
    },
    async ({ params, query }, reply) => {
      const batch = await views.batch(params.batch_id);
      if (batch.status === 'queued' || batch.status === 'submitted' || batch.status === 'processing') {
        throw notFound(
          `${params.batch_id} has not ended (${batch.status}), so it has no results yet. Results of its run as they ` +
            `come: /batch/runs/${batch.run_id}/results`,
        );
      }
      const pages = pagesOfResults(context, { batchId: params.batch_id, after: query.after, limit: query.limit });
      reply.header('content-type', 'application/json; charset=utf-8');
      return sendText(context, reply, batchResultsText(params.batch_id, pages, query.limit));
    },
  );

  app.get(
    '/batch/results',
    {
      exposeHeadRoute: false,
      config: {
        role: 'read',
        isStream: true,
        documented: { answer: resultRow, contentType: 'application/x-ndjson' },
      },
      schema: {
        tags: ['results'],
        summary: 'All results as JSON lines, in the order in which they came, from a cursor on',
        querystring: resultsQuery,
      },
    },
    async ({ query }, reply) =>
      sendLines(context, reply, pagesOfResults(context, { after: query.after, limit: query.limit })),
  );
}

/** A page of a thousand long answers is tens of megabytes: written piece by piece, never held as a whole. */
async function* batchResultsText(
  batchId: string,
  pages: AsyncGenerator<readonly Result[]>,
  limit: number,
): AsyncGenerator<string> {
  let rows = 0;
  let cursor: number | null = null;
  yield `{"batch_id":${JSON.stringify(batchId)},"results":[`;
  for await (const page of pages) {
    const before = rows;
    yield* inPieces(page, (row, index) => (before + index === 0 ? '' : ',') + JSON.stringify(row));
    rows += page.length;
    cursor = page.at(-1)?.cursor ?? cursor;
  }
  yield `],"result_count":${rows},"next_cursor":${rows === limit ? cursor : null}}`;
}
