import { processAllResponse, processRequest, processResponse } from '../../service/contract/queue.ts';
import { changed } from '../../service/contract/runs.ts';
import type { App, RouteContext } from '../app.ts';
import { retryFailedRequest } from '../queries.ts';

/** Sending queues by hand, and what failed once more. */
export function addProcessRoutes(app: App, { service }: RouteContext): void {
  app.post(
    '/batch/process',
    {
      config: { role: 'queue', isLong: true },
      schema: {
        tags: ['queue'],
        summary: 'Send the next jobs of a queue now, the highest priority first',
        body: processRequest,
        response: { 200: processResponse },
      },
    },
    async ({ body }) => {
      const { batches, jobs, runId } = await service.queues.process({
        jobType: body.job_type,
        provider: body.provider,
        maxJobs: body.max_jobs,
        ...(body.callback_url === undefined ? {} : { callbackUrl: body.callback_url }),
      });
      const ids = batches.map((batch) => batch.batch_id);
      return {
        batch_id: ids[0] ?? null,
        batch_ids: ids,
        run_id: runId ?? null,
        status: jobs === 0 ? ('no_jobs' as const) : ('submitted' as const),
        job_count: jobs,
        message: jobs === 0 ? 'The queue is empty.' : sentWords(jobs, ids.length),
      };
    },
  );

  app.post(
    '/batch/process/all',
    {
      config: { role: 'queue' },
      schema: { tags: ['queue'], summary: 'Send every queue now', response: { 200: processAllResponse } },
    },
    async () => {
      const runIds = await service.queues.processAll();
      return {
        status: 'started' as const,
        run_ids: runIds,
        message: queuesWords(runIds.length),
      };
    },
  );

  app.post(
    '/batch/retry',
    {
      config: { role: 'queue', isLong: true },
      schema: {
        tags: ['queue'],
        summary: 'Send failed jobs again (dead letters): of a job type, of a provider, or all',
        body: retryFailedRequest.nullish(),
        response: { 200: changed },
      },
    },
    async ({ body }) => {
      const count = await service.queues.retryFailed({
        ...(body?.job_type === undefined ? {} : { jobType: body.job_type }),
        ...(body?.provider === undefined ? {} : { provider: body.provider }),
      });
      return { status: 'queued', message: `${count} failed jobs are queued again.`, count };
    },
  );
}

function queuesWords(queues: number): string {
  if (queues === 0) return 'Nothing is queued.';
  return queues === 1 ? '1 queue is being sent.' : `${queues} queues are being sent.`;
}

function sentWords(jobs: number, batches: number): string {
  const many = jobs === 1 ? '1 job is' : `${jobs} jobs are`;
  // In realtime, or the worker packs them.
  if (batches === 0) return `${many} on the way.`;
  return `${many} on ${jobs === 1 ? 'its' : 'their'} way in ${batches} ${batches === 1 ? 'batch' : 'batches'}.`;
}
