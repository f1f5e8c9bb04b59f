import type { BatchError } from '../../batches/batch-record.ts';
import type { RowRequest } from '../../batches/row.ts';
import { asString, isObject, type JsonObject } from '../../json.ts';
import { isKnownModel } from '../../openai/body-checks.ts';
import { answerChat, chatCompletion } from '../../openai/chat.ts';
import { shapeProblem } from '../../openai/line-validation.ts';
import { type AnswerContext, type Endpoint, type ModelAnswer, refused } from '../../openai/model-answer.ts';
import { composeResponse } from '../../openai/responses.ts';

/** A line that passed validation. */
export interface XaiRow extends RowRequest {
  body: JsonObject;
  model: string;
  endpoint: Endpoint;
}

/** Judges the lines of a file, and stops at the first that is wrong: the refusal names one. */
export interface XaiLineValidator {
  readonly errors: readonly BatchError[];
  readonly full: boolean;
  check(line: Buffer): XaiRow | undefined;
  finish(): void;
}

const MAX_LINE_BYTES = 25_000_000;

/** What a line may ask for; both are answered as chat completions. Other urls of xAI's are not emulated. */
const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map([
  ['/v1/chat/completions', answerChat],
  ['/v1/responses', answerResponsesAsChat],
]);

/** Unconfirmed is every text but "invalid JSON" and "not supported", and that an id may not stand there twice. */
export function createXaiLineValidator(maxRequests: number): XaiLineValidator {
  const errors: BatchError[] = [];
  const ids = new Set<string>();
  let lines = 0;
  const refuse = (message: string, line: number | null): undefined => {
    if (errors.length === 0) errors.push({ code: 'invalid_argument', line, message, param: null });
    return undefined;
  };
  return {
    errors,
    get full() {
      return errors.length > 0;
    },
    check(line) {
      lines++;
      if (lines > maxRequests) return refuse(`more than ${maxRequests} requests`, null);
      if (line.length > MAX_LINE_BYTES) return refuse(`more than ${MAX_LINE_BYTES} bytes`, lines);
      const parsed = parseLine(line.toString('utf8'));
      if ('problem' in parsed) return refuse(parsed.problem, lines);
      const { row } = parsed;
      if (ids.has(row.customId)) return refuse(`duplicate custom_id '${row.customId}'`, lines);
      ids.add(row.customId);
      // The one refusal seen without the number of a line.
      if (!isKnownModel(row.model)) return refuse(`Model ${row.model} is not supported for batch processing.`, null);
      return row;
    },
    finish() {
      if (lines === 0) refuse('the file is empty', null);
    },
  };
}

function parseLine(text: string): { row: XaiRow } | { problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `invalid JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (!isObject(value)) return { problem: 'invalid JSON: expected an object' };
  // By its own url: a create names no endpoint, and one file may mix them.
  const url = asString(value.url) ?? '';
  const endpoint = ENDPOINTS.get(url);
  const shape = shapeProblem(value, url);
  if (shape !== undefined) return { problem: shape.message };
  if (endpoint === undefined) return { problem: `unsupported url '${url}'` };
  const { custom_id: customId, body } = value;
  if (typeof customId !== 'string' || !isObject(body)) return { problem: 'invalid request' };
  const model = asString(body.model) ?? '';
  if (model === '') return { problem: "Missing required parameter: 'body.model'." };
  return { row: { customId, body, model, endpoint, bodyText: JSON.stringify(body) } };
}

function answerResponsesAsChat(body: JsonObject, context: AnswerContext): ModelAnswer {
  const composed = composeResponse(body, context.fault);
  return 'problem' in composed ? refused(composed.problem) : chatCompletion(body, composed, context);
}
