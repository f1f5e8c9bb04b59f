import { jobDetails, jobsPage } from '../../service/contract/jobs.ts';
import { changed } from '../../service/contract/runs.ts';
import type { App, RouteContext } from '../app.ts';
import { conflict } from '../problem.ts';
import { jobParams, jobsQuery } from '../queries.ts';

export function addJobRoutes(app: App, { service }: RouteContext): void {
  app.get(
    '/batch/jobs',
    {
      config: { role: 'read' },
      schema: {
        tags: ['jobs'],
        summary: 'Jobs, newest first; of a run or batch, by state, by the beginning of the key',
        querystring: jobsQuery,
        response: { 200: jobsPage },
      },
    },
    ({ query }) =>
      service.views.jobs({
        limit: query.limit,
        ...(query.before === undefined ? {} : { before: query.before }),
        ...(query.run_id === undefined ? {} : { runId: query.run_id }),
        ...(query.batch_id === undefined ? {} : { batchId: query.batch_id }),
        ...(query.state === undefined ? {} : { states: [query.state].flat() }),
        ...(query.search === undefined || query.search === '' ? {} : { search: query.search }),
      }),
  );

  app.get(
    '/batch/jobs/:job_id',
    {
      config: { role: 'read' },
      schema: {
        tags: ['jobs'],
        summary: 'A job: request, answer, attempts, deliveries',
        params: jobParams,
        response: { 200: jobDetails },
      },
    },
    ({ params }) => service.views.job(params.job_id),
  );

  app.post(
    '/batch/jobs/:job_id/cancel',
    {
      config: { role: 'queue' },
      schema: {
        tags: ['jobs'],
        summary: 'Cancel a job that waits in its queue',
        params: jobParams,
        response: { 200: changed },
      },
    },
    async ({ params }) => {
      const outcome = await service.queues.cancelJob(params.job_id);
      if (outcome === 'under_way') {
        throw conflict('under_way', `${params.job_id} is with the provider already; cancel its batch or run instead.`);
      }
      if (outcome === 'ended') throw conflict('ended', `${params.job_id} has ended; there is nothing to cancel.`);
      return { status: 'cancelled', message: `${params.job_id} is cancelled and will not be sent.` };
    },
  );

  app.post(
    '/batch/jobs/:job_id/retry',
    {
      config: { role: 'queue' },
      schema: {
        tags: ['jobs'],
        summary: 'Send a failed or cancelled job again',
        params: jobParams,
        response: { 200: changed },
      },
    },
    async ({ params }) => {
      if (!(await service.queues.retryJob(params.job_id))) {
        throw conflict('not_failed', `${params.job_id} has neither failed nor been cancelled.`);
      }
      return { status: 'queued', message: `${params.job_id} is queued again.`, count: 1 };
    },
  );
}
