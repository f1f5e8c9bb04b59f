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

export interface FailedOutcome {
  type: 'failed';
  /** The provider's code, or ours: `refused`, `empty_answer`, `missing`, `malformed`, `invalid_output`, `timeout`. */
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
