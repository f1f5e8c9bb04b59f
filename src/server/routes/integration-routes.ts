import {
  creativeScoringQuery,
  creativeScoringResponse,
  embeddingsRequest,
  embeddingsResponse,
} from '../../service/contract/operations.ts';
import type { QueueInput } from '../../service/service.ts';
import type { App, RouteContext } from '../app.ts';
import { addBytesParser, bytesOf, strictJson } from '../bodies.ts';
import { type BulkOutcome, keyFor, queueAll, readElements } from '../bulk.ts';
import { type FieldError, HttpProblem, invalid } from '../problem.ts';
import { embeddingsQuery } from '../queries.ts';
import { idempotencyKeyOf, toQueueInput } from '../queue-input.ts';
import { acceptedOf } from './queue-routes.ts';

/** Short ways for two kinds of jobs, as the former system had them. */
export function addCreativeScoringRoute(app: App, { service }: RouteContext): void {
  app.post(
    '/batch/integrate/creative-scoring',
    {
      config: { role: 'queue', isIdempotent: true },
      schema: {
        tags: ['integrate'],
        summary: 'Queue the scoring of one creative with OpenAI',
        querystring: creativeScoringQuery,
        response: { 200: creativeScoringResponse },
      },
    },
    async (request) => {
      const { creative_id, script, niche, priority } = request.query;
      const data = { creative_id, script, niche };
      const job = { job_type: 'creative_scoring', provider: 'openai', data, priority } as const;
      const [outcome] = await service.queues.queue([toQueueInput(job, idempotencyKeyOf(request))]);
      const jobId = acceptedOf(outcome);
      return { job_id: jobId, creative_id, status: 'queued', message: 'Queued; it is sent with its queue.' };
    },
  );
}

/** In the scope whose bodies are read piece by piece: ten thousand texts may come. */
export function addEmbeddingsRoute(app: App, { service, limits }: RouteContext): void {
  addBytesParser(app, limits.bulkBodyBytes);
  const parse = strictJson(app);
  app.post(
    '/batch/integrate/embeddings',
    {
      bodyLimit: limits.bulkBodyBytes,
      config: { role: 'queue', isBulk: true, isIdempotent: true, documented: { body: embeddingsRequest } },
      schema: {
        tags: ['integrate'],
        summary: 'Queue the embedding of up to 10,000 texts with OpenAI',
        querystring: embeddingsQuery,
        response: { 200: embeddingsResponse },
      },
    },
    async (request) => {
      const key = idempotencyKeyOf(request);
      const inputs: QueueInput[] = [];
      const errors: FieldError[] = [];
      const options = { parse: (text: string) => parse(request, text), maxElementBytes: limits.bodyBytes };
      for await (const elements of readElements(bytesOf(request), options)) {
        for (const { index, value, isTooLarge } of elements) {
          if (typeof value !== 'string' || !/\S/.test(value)) {
            const message = isTooLarge ? 'is too large' : 'must be a text that is not empty';
            errors.push({ field: String(index), message });
            continue;
          }
          const data = { input: value, index };
          const job = { job_type: 'embedding_generation', provider: 'openai', data } as const;
          inputs.push(toQueueInput({ ...job, priority: request.query.priority }, keyFor(key, index)));
        }
      }
      if (errors.length > 0) throw invalid(errors.slice(0, 20));
      return answerOf(await queueAll(service.queues, inputs, ({ data }) => String(data.input).length));
    },
  );
}

function answerOf({ jobIds, errors }: BulkOutcome) {
  const count = jobIds.length - errors.length;
  const [first] = errors;
  // What refuses one text as it stands refuses all: no key, no model.
  if (count === 0 && first)
    throw new HttpProblem(400, { code: 'invalid', detail: `Nothing was queued: ${first.detail}` });
  return { job_ids: jobIds, count, status: 'queued', message: `${count} texts are queued.`, errors };
}
