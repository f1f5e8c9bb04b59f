import type { FailedOutcome, Outcome } from '../../outcome.ts';
import type { ResultLine } from '../../provider.ts';
import { longestMessage } from '../answer-outcome.ts';
import { type JsonRecord, recordOf, textOf } from '../json-values.ts';
import { malformed, malformedLine, readNamedLine } from '../result-line.ts';
import { outcomeOfMessage } from './anthropic-answers.ts';
import { failureOf } from './anthropic-error.ts';

/** One line of the results. */
export function readResultLine(text: string): ResultLine {
  return readNamedLine(
    text,
    (row) => outcomeOfResult(recordOf(row.result)),
    (row) => textOf(recordOf(recordOf(row.result)?.message)?.model),
  );
}

function outcomeOfResult(result: JsonRecord | undefined): Outcome {
  switch (result?.type) {
    case 'succeeded': {
      const message = recordOf(result.message);
      return message ? outcomeOfMessage(message) : malformed('the answer has no message');
    }
    case 'errored': {
      // Nested twice: the error of the row is the body of a refusal over HTTP.
      const error = recordOf(recordOf(result.error)?.error) ?? recordOf(result.error);
      return failedWithType(textOf(error?.type), textOf(error?.message));
    }
    case 'expired':
      return { type: 'expired', message: 'the batch expired before the request was run' };
    case 'canceled':
    case 'cancelled':
      return { type: 'cancelled', message: 'the batch was cancelled before the request was run' };
    default:
      return malformedLine('has no result of a known type');
  }
}

/** A refusal of one request, in a batch as in realtime. The provider's own word stays to be read. */
export function failedWithType(type: string | undefined, message: string | undefined, status = 0): FailedOutcome {
  const { code, retryable } = failureOf(type, status);
  const words = message ?? (status === 0 ? 'the provider gave no reason' : `HTTP ${status}`);
  const named = type === undefined || type === code ? words : `${type}: ${words}`;
  return { type: 'failed', code, message: named.slice(0, longestMessage), retryable };
}
