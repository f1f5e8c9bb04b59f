import type { FastifyBaseLogger } from 'fastify';
import type { ZodType } from 'zod';
import type { App } from './app.ts';
import { fieldErrors, invalid } from './problem.ts';

/**
 * The contract's schemas at both doors. What comes in must fit, or is refused by name. What goes out is cut to the
 * contract, so that nothing leaves that it does not name; an answer that does not fit is our fault, is logged, and goes
 * out all the same: a strange count of a provider must not take the page away.
 */
export function useSchemas(app: App, log: FastifyBaseLogger): void {
  app.setValidatorCompiler<ZodType>(({ schema }) => (data) => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: invalid(fieldErrors(result.error.issues)) };
  });
  app.setSerializerCompiler<ZodType>(({ schema, method, url }) => (data) => {
    const result = schema.safeEncode(data);
    if (result.success) return JSON.stringify(result.data);
    log.error({ method, route: url, errors: fieldErrors(result.error.issues) }, 'an answer does not fit the contract');
    return JSON.stringify(data);
  });
}
