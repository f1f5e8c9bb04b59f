import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import type { App } from './app.ts';
import { type HttpProblem, pathOf } from './problem.ts';

/** Never the query, the headers or the body: they carry prompts and tokens. */
function fieldsOf(request: FastifyRequest): Record<string, unknown> {
  return {
    req: request.id,
    method: request.method,
    path: pathOf(request.raw.url),
    caller: request.callerId,
    ...idsOf(request.params),
  };
}

const idNames = ['run_id', 'batch_id', 'job_id', 'delivery_id'] as const;

function idsOf(params: unknown): Record<string, unknown> {
  if (typeof params !== 'object' || params === null) return {};
  return Object.fromEntries(idNames.filter((name) => name in params).map((name) => [name, Reflect.get(params, name)]));
}

/** A line for each refusal; with the stack where the fault is ours. */
export function logProblem(log: FastifyBaseLogger, request: FastifyRequest, problem: HttpProblem): void {
  const fields = { ...fieldsOf(request), status: problem.status, code: problem.code };
  if (problem.status < 500) log.info(fields, 'refused');
  else log.error({ ...fields, err: problem.cause ?? problem }, 'failed');
}

/** At debug: a line for every answer. Looked at once, so that it costs nothing otherwise. */
export function addRequestLog(app: App, log: FastifyBaseLogger): void {
  if (log.level !== 'debug' && log.level !== 'trace') return;
  app.addHook('onResponse', (request, reply, done) => {
    log.debug({ ...fieldsOf(request), status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, 'answered');
    done();
  });
}
