import type { Usage } from './usage.ts';

/** How one request ended at the provider. A failed row is a value, never an exception. */
export type Outcome = SucceededOutcome | FailedOutcome | UnrunOutcome;

/** The batch ended before the request was run; nothing was charged for it. */
export interface UnrunOutcome {
  type: 'expired' | 'cancelled';
  message: string;
}

export interface SucceededOutcome {
  type: 'succeeded';
  /** The text of the answer; for embeddings the JSON text of the vectors. */
  output: string;
  /** `stop`, `length` ... in the provider's words. `length` means: cut off at the token limit. */
  finishReason?: string;
  usage?: Usage;
  /** The exact body, kept only for provider-native requests. */
  response?: string;
}

/**
 * How rows fail, in one vocabulary for all providers, and what each word means. An adapter's one table turns the
 * provider's codes into these; a code it does not know is kept as it came.
 */
export const failureCodes = {
  refused: 'the model declined to answer',
  blocked: "the provider's filter held the question or the answer back",
  truncated: 'all allowed tokens were used up before there was an answer',
  empty_answer: 'an answer without content',
  invalid_request: 'the provider cannot run such a request',
  overloaded: 'the provider had no capacity, or failed itself',
  rate_limited: 'too many requests at once',
  timeout: 'no answer in time',
  connection: 'the line broke in the middle of a call: whether it was run and charged is not known',
  invalid_output: 'the answer breaks the schema that was asked for',
  missing: 'the results hold no line for the request',
  malformed: 'the result line cannot be read',
  too_large: 'larger than the provider takes',
  unknown: 'the provider says that it failed and nothing more',
} as const;

export type FailureCode = keyof typeof failureCodes;

export interface FailedOutcome {
  type: 'failed';
  /** One of `failureCodes`, or the provider's own where none fits; `http_418` where it told nothing but a status. */
  code: string;
  /** The provider's own words. */
  message: string;
  /** Whether the same request may succeed when it is sent again. */
  retryable: boolean;
  /** How long the provider asked us to wait. */
  retryAfterMs?: number;
  /** A failed answer can have been charged (a refusal, an answer that breaks its schema). */
  usage?: Usage;
}
