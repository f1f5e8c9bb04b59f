import { messageOf } from '../errors.ts';
import type { FailedOutcome, FailureCode, Outcome, SucceededOutcome } from '../outcome.ts';
import type { Usage } from '../usage.ts';

/** The longest text of a provider that is kept with a row. */
export const longestMessage = 2000;

/** Of an answer that the limit on its tokens ended before the first word. */
export const truncatedWords = 'all allowed tokens were used up before the answer began: raise --max-tokens';

export function succeededAnswer(
  usage: Usage | undefined,
  output: string,
  finishReason: string | undefined,
  response: string | undefined,
): SucceededOutcome {
  const outcome: SucceededOutcome = { type: 'succeeded', output };
  if (finishReason) outcome.finishReason = finishReason;
  if (usage) outcome.usage = usage;
  if (response !== undefined) outcome.response = response;
  return outcome;
}

/** A failed answer can have been charged: what it used is kept. */
export function failedAnswer(usage: Usage | undefined, failure: Failure, message: string): FailedOutcome {
  const outcome: FailedOutcome = { type: 'failed', ...failure, message: message.slice(0, longestMessage) };
  if (usage) outcome.usage = usage;
  return outcome;
}

/** A code and whether another try may help; the code of a provider's word that we do not know is that word. */
export interface Failure {
  code: string;
  retryable: boolean;
}

/** One of ours, for the tables of the adapters. */
export function failure(code: FailureCode, retryable: boolean): Failure {
  return { code, retryable };
}

/** JSON.stringify overflows the stack at some 10,000 levels of nesting: one such row must not end the reading. */
export function outcomeOrMalformed(read: () => Outcome, usageOf: () => Usage | undefined): Outcome {
  try {
    return read();
  } catch (error) {
    return failedAnswer(usageOf(), failure('malformed', true), `the answer cannot be read: ${messageOf(error)}`);
  }
}

/** With the pause that the provider asked for, where another try makes sense. */
export function withPause(outcome: FailedOutcome, retryAfterMs: number | undefined): FailedOutcome {
  return outcome.retryable && retryAfterMs !== undefined ? { ...outcome, retryAfterMs } : outcome;
}
