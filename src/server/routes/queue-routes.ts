import { z } from 'zod';
import { bulkResponse, queueRequest, queueResponse, queueStatus } from '../../service/contract/queue.ts';
import type { QueueOutcome } from '../../service/service.ts';
import type { App, RouteContext } from '../app.ts';
import { addBytesParser, bytesOf, strictJson } from '../bodies.ts';
import { queueBulk } from '../bulk.ts';
import { HttpProblem, invalid } from '../problem.ts';
import { idempotencyKeyOf, toQueueInput } from '../queue-input.ts';

export function addQueueRoutes(app: App, { service, metrics }: RouteContext): void {
  app.post(
    '/batch/queue',
    {
      config: { role: 'queue', isIdempotent: true, timesItself: true, documented: { answer: queueResponse } },
      schema: { tags: ['queue'], summary: 'Queue one job; it is durable when this answers', body: queueRequest },
    },
    async (request, reply) => {
      const { body } = request;
      const [outcome] = await service.queues.queue([toQueueInput(body, idempotencyKeyOf(request))]);
      const jobId = acceptedOf(outcome);
      // By hand: this is the one answer that is given tens of thousands of times a second.
      reply.header('content-type', 'application/json; charset=utf-8');
      metrics.observe('/batch/queue', 200, performance.now() - request.receivedAt);
      return reply.send(
        `{"job_id":${JSON.stringify(jobId)},"status":"queued","message":"Queued; it is sent with its queue."}`,
      );
    },
  );

  app.get(
    '/batch/queue/status',
    {
      config: { role: 'read' },
      schema: { tags: ['queue'], summary: 'What waits in the queues', response: { 200: queueStatus } },
    },
    () => service.queues.status(),
  );
}

/** As the document shows it; the body itself is read element by element. */
const bulkBody = z.array(queueRequest).min(1).max(10_000);

/** In a scope of its own: its body is not parsed as a whole. */
export function addBulkRoute(app: App, { service, limits }: RouteContext): void {
  addBytesParser(app, limits.bulkBodyBytes);
  const parse = strictJson(app);
  app.post(
    '/batch/queue/bulk',
    {
      bodyLimit: limits.bulkBodyBytes,
      config: { role: 'queue', isBulk: true, isIdempotent: true, documented: { body: bulkBody } },
      schema: {
        tags: ['queue'],
        summary: 'Queue up to 10,000 jobs; each is accepted or refused by itself',
        response: { 200: bulkResponse },
      },
    },
    async (request) => {
      const { jobIds, errors } = await queueBulk(service.queues, bytesOf(request), {
        parse: (text) => parse(request, text),
        maxElementBytes: limits.bodyBytes,
        idempotencyKey: idempotencyKeyOf(request),
      });
      const failed = errors.length;
      return { total: jobIds.length, successful: jobIds.length - failed, failed, job_ids: jobIds, errors };
    },
  );
}

/** The job's id, or throws why there is none. */
export function acceptedOf(outcome: QueueOutcome | undefined): string {
  if (outcome === undefined) throw new HttpProblem(500, { code: 'internal', detail: 'The queue gave no answer.' });
  if (outcome.type === 'refused') throw invalid([{ field: outcome.field, message: outcome.message }]);
  if (outcome.type === 'conflict') {
    throw new HttpProblem(422, { code: 'idempotency_conflict', detail: outcome.message });
  }
  return outcome.jobId;
}
