import type { Outcome } from '../../outcome.ts';
import type { ResultLine } from '../../provider.ts';
import { longestMessage } from '../answer-outcome.ts';
import { type JsonRecord, recordOf, textOf } from '../json-values.ts';
import { malformed, malformedLine, readNamedLine } from '../result-line.ts';
import { outcomeOfAnswer } from './openai-answers.ts';
import { codeOfError } from './openai-error.ts';
import { failedOutcome } from './openai-failures.ts';

/** One line of an output or error file. */
export function readResultLine(text: string): ResultLine {
  return readNamedLine(text, outcomeOfRow, (row) => textOf(recordOf(recordOf(row.response)?.body)?.model));
}

function outcomeOfRow(row: JsonRecord): Outcome {
  const response = recordOf(row.response);
  if (row.error !== null && row.error !== undefined) return outcomeOfRowError(row.error);
  if (!response) return malformedLine('has neither response nor error');
  const status = typeof response.status_code === 'number' ? response.status_code : 0;
  const body = recordOf(response.body);
  if (status >= 200 && status <= 299) {
    return body ? outcomeOfAnswer(body) : malformed('the answer has no body');
  }
  const error = recordOf(body?.error) ?? body;
  const message = textOf(error?.message) ?? textOf(body?.error);
  return failedOutcome({ status, code: codeOfError(error), type: textOf(error?.type), message });
}

/** The row never reached the model, or not its end. vLLM and others write the HTTP status as `code`. */
function outcomeOfRowError(value: unknown): Outcome {
  const error = recordOf(value);
  const code = codeOfError(error) ?? 'unknown';
  const message = (textOf(error?.message) ?? textOf(value) ?? code).slice(0, longestMessage);
  if (code === 'batch_expired') return { type: 'expired', message };
  if (code === 'batch_cancelled' || code === 'batch_canceled') return { type: 'cancelled', message };
  return failedOutcome({ code, type: textOf(error?.type), message });
}
