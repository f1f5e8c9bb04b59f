import type { FailedOutcome, Outcome } from '../../outcome.ts';
import type { ResultLine } from '../../provider.ts';
import { failedAnswer, longestMessage, withPause } from '../answer-outcome.ts';
import { type JsonRecord, recordOf, textOf } from '../json-values.ts';
import { firstBytes, malformed, malformedLine, parseResultRow } from '../result-line.ts';
import { isAnswer, outcomeOfAnswer } from './gemini-answers.ts';
import { plainModel } from './gemini-endpoint.ts';
import { detailsOf, failureOf, statusWordOf } from './gemini-failures.ts';

/**
 * One line of a result file. Hand-written and without a schema library: a batch holds many thousands of them, and the
 * JSON parse alone should be the cost.
 */
export function readResultLine(text: string): ResultLine {
  const raw = firstBytes(text);
  const row = parseResultRow(text);
  return row ? readRow(row, raw) : { outcome: malformedLine('is not JSON'), raw };
}

/** One row of a batch whose requests were sent inline: as a line, but with the key inside its `metadata`. */
export function readInlinedRow(value: unknown): ResultLine {
  const row = recordOf(value);
  let raw = '';
  try {
    raw = firstBytes(JSON.stringify(value) ?? '');
  } catch {
    // Nested too deeply to be written again.
  }
  return row ? readRow(row, raw) : { outcome: malformed('the result is no object'), raw };
}

function readRow(row: JsonRecord, raw: string): ResultLine {
  const line: ResultLine = { outcome: outcomeOfRow(row), raw };
  // Vertex echoes fields of the request's line instead of a key; recorded results of it have `custom_id`.
  const customId = row.key ?? recordOf(row.metadata)?.key ?? row.custom_id;
  if (typeof customId === 'string') line.customId = customId;
  const model = textOf(recordOf(row.response)?.modelVersion) ?? textOf(row.modelVersion);
  if (model) line.model = plainModel(model);
  return line;
}

/**
 * "A GenerateContentResponse or a status object": with `response` or `error` around it, or bare. An error beside a
 * response is no success.
 */
function outcomeOfRow(row: JsonRecord): Outcome {
  if (row.error !== undefined && row.error !== null) return outcomeOfStatus(row.error);
  const response = recordOf(row.response);
  if (response) return outcomeOfAnswer(response);
  if (isAnswer(row)) return outcomeOfAnswer(row);
  if (row.code !== undefined || textOf(row.message)) return outcomeOfStatus(row);
  if (textOf(row.status)) return outcomeOfStatus(row.status);
  return malformedLine('has neither response nor error');
}

/** `{code, message, status, details}`, or a text alone. */
export function outcomeOfStatus(value: unknown): Outcome {
  const status = recordOf(value);
  const word = statusWordOf(status) ?? 'unknown';
  const words = textOf(status?.message) ?? textOf(value) ?? 'the provider gave no reason';
  if (word === 'CANCELLED') return { type: 'cancelled', message: words.slice(0, longestMessage) };
  return failedWithWord(word, words, detailsOf(status).retryDelayMs);
}

/** The provider's own word stays readable in the message. */
export function failedWithWord(word: string, words: string, retryAfterMs: number | undefined): FailedOutcome {
  const message = words.includes(word) ? words : `${word}: ${words}`;
  return withPause(failedAnswer(undefined, failureOf(word), message), retryAfterMs);
}
