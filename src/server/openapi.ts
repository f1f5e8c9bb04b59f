import swagger from '@fastify/swagger';
import type { RouteOptions } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { problem } from '../service/contract/words.ts';
import type { App } from './app.ts';
import { problemType } from './problem.ts';

const description = `Queue jobs for large language models over HTTP; they are sent in batches at half the price.

Every refusal is a problem document (RFC 9457, \`${problemType}\`) with a \`code\` for programs; \`errors\` names each field.
\`Idempotency-Key\`: the same key with the same body gives the job that it was first used for; with another body, 422.
Lists go from the newest on: pass \`next_before\` as \`before\`. Results and events have cursors that only grow.`;

/** Must be called before the routes are added. The document is made when it is asked for the first time. */
export async function addOpenApi(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Offpeak', description, version, license: { name: 'MIT', identifier: 'MIT' } },
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'op_...' } },
      },
    },
    transform: ({ schema, url, route, ...rest }) =>
      jsonSchemaTransform({ ...rest, url, route, schema: described(route) }),
    transformObject: (document) => {
      const object = jsonSchemaTransformObject(document);
      return withUsedSchemas(object);
    },
  });
}

/** What the route's own configuration tells, in the words of the document. */
function described({ schema = {}, config, method, url }: RouteOptions) {
  const { role, isIdempotent, documented = {} } = config ?? {};
  if (role === undefined) return { ...schema, hide: true };
  const { body, answer, contentType = 'application/json' } = documented;
  const problems = { description: 'A problem', content: { [problemType]: { schema: problem } } };
  const written = answer && { 200: { description: 'Done', content: { [contentType]: { schema: answer } } } };
  return {
    ...schema,
    operationId: operationId(String(method), url),
    ...(role === 'open' ? {} : { security: [{ token: [] }], description: `Needs a token with the role \`${role}\`.` }),
    ...(body && { body }),
    ...(isIdempotent && { headers: z.object({ 'Idempotency-Key': z.string().max(255).optional() }) }),
    response: { ...(typeof schema.response === 'object' ? schema.response : {}), ...written, default: problems },
  };
}

/** `POST /batch/jobs/:job_id/cancel` -> `postBatchJobsJobIdCancel`. */
function operationId(method: string, url: string): string {
  const words = url.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

interface Document {
  components?: { schemas?: Record<string, unknown> };
  paths?: unknown;
}

/** Without the schemas that nothing refers to: every one is there twice, as it comes in and as it goes out. */
function withUsedSchemas<Given extends Document>(document: Given): Given {
  const schemas = document.components?.schemas ?? {};
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value ?? null).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name === undefined || used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(document.paths);
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
  return { ...document, components: { ...document.components, schemas: kept } };
}
