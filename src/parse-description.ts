import type { z } from 'zod';
import { OffpeakError } from './errors.ts';

/** The value in the schema's shape, or a `usage` error that names the field; `what` is what people call the thing. */
export function parseDescription<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const words = parsed.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return `unknown field ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    return issue.path.length === 0 ? issue.message : `field "${issue.path.join('.')}": ${issue.message}`;
  });
  throw new OffpeakError(`${what} cannot be used: ${words.join('; ')}`, { code: 'usage' });
}
