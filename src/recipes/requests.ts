import { z } from 'zod';
import { OffpeakError } from '../errors.ts';
import { parseDescription } from '../parse-description.ts';
import type { Recipe } from '../recipe.ts';

/** What `createRequestsRecipe` takes; it is the recipe's description as it stands. */
export interface RequestsOptions {
  type: 'requests';
  version: 1;
}

const schema = z.strictObject({ type: z.literal('requests'), version: z.literal(1) });

/** For sources whose items are requests already (a JSONL file): each is sent as it is, and any answer is accepted. */
export function createRequestsRecipe(options: RequestsOptions): Recipe {
  const description = parseDescription(schema, options, 'the requests recipe');
  return {
    description,
    toRequest({ key, content }) {
      if (content.type === 'request') return content.request;
      throw new OffpeakError(`"${key}" is not a request but ${content.type}: give a prompt`, { code: 'usage' });
    },
  };
}
