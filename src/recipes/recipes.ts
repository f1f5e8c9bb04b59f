import { OffpeakError } from '../errors.ts';
import type { Recipe } from '../recipe.ts';
import type { Description } from '../run.ts';
import { createPromptRecipe, type PromptOptions } from './prompt.ts';
import { createRequestsRecipe, type RequestsOptions } from './requests.ts';

/** Builds a recipe again from its description, in any process; `usage` error for a type or field it does not know. */
export function createRecipe(description: Description): Recipe {
  // The functions check every field themselves.
  if (description.type === 'prompt') return createPromptRecipe(description as unknown as PromptOptions);
  if (description.type === 'requests') return createRequestsRecipe(description as unknown as RequestsOptions);
  throw new OffpeakError(`unknown recipe type "${description.type}": known are prompt, requests`, { code: 'usage' });
}
