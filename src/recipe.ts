import type { ModelRequest } from './request.ts';
import type { Description } from './run.ts';
import type { Item } from './source.ts';

/**
 * PORT: a run definition: item -> request, result -> accepted or not. Pure and deterministic: the same item gives the
 * same request in every process, for ever (a change of wording needs a new `version` in the description).
 */
export interface Recipe {
  readonly description: Description;
  /** The request for an item; never called for a skipped one. */
  toRequest(item: Item): ModelRequest;
  /** Why an answer cannot be accepted, in words for a person; undefined when it can. */
  problemWith?(output: string): string | undefined;
}
