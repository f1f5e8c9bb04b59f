import type { z } from 'zod';
import type { Problem } from '../../../src/service/contract/words.ts';

/** What the mock server answers with a problem document. */
export class Refusal extends Error {
  readonly problem: Problem;
  constructor(status: number, title: string, detail: string, errors?: Problem['errors']) {
    super(detail);
    this.problem = { type: 'about:blank', title, status, detail, ...(errors && { errors }) };
  }
}

/** Checked as the real server does. */
export function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const errors = read.error.issues.map((issue) => ({ field: issue.path.join('.') || 'body', message: issue.message }));
  const shown = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  throw new Refusal(400, 'Bad Request', `The request is not valid: ${shown}.`, errors);
}
