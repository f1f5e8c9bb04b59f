import type { FastifyRequest } from 'fastify';
import type { QueueRequest } from '../service/contract/queue.ts';
import type { QueueInput } from '../service/service.ts';
import { invalid } from './problem.ts';

/** What a caller may call the same again: printable, and short enough for an index. */
const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** The caller's Idempotency-Key, kept apart from every other caller's; undefined when there is none. */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !keyPattern.test(key)) {
    throw invalid([
      { field: 'Idempotency-Key', message: 'must be 1 to 255 printable ASCII characters without spaces' },
    ]);
  }
  return `${request.callerId}/${key}`;
}

export function toQueueInput(request: QueueRequest, idempotencyKey: string | undefined): QueueInput {
  return {
    jobType: request.job_type,
    provider: request.provider,
    data: request.data,
    priority: request.priority,
    ...(request.callback_url === undefined ? {} : { callbackUrl: request.callback_url }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}
