import type { FailedOutcome, FailureCode, Outcome, SucceededOutcome } from '../../outcome.ts';
import { failedAnswer, outcomeOrMalformed, succeededAnswer, truncatedWords } from '../answer-outcome.ts';
import { arrayOf, type JsonRecord, recordOf, textOf } from '../json-values.ts';
import { codeOfError } from './openai-error.ts';
import { failedOutcome } from './openai-failures.ts';
import { usageOf } from './openai-usage.ts';

/**
 * The body of a 2xx answer, from a result file or realtime. What kind of answer it is shows in its shape, because a
 * result line does not name its endpoint. `exactText` is the body as it came, where that is at hand.
 */
export function outcomeOfAnswer(body: JsonRecord, exactText?: string): Outcome {
  return outcomeOrMalformed(
    () => outcomeOfShape(body, exactText),
    () => usageOf(body),
  );
}

function outcomeOfShape(body: JsonRecord, exactText: string | undefined): Outcome {
  const choice = recordOf(arrayOf(body.choices)[0]);
  if (choice && recordOf(choice.message)) return outcomeOfChat(body, choice, exactText);
  if (body.object === 'response' || Array.isArray(body.output)) return outcomeOfResponse(body, exactText);
  if (isEmbeddings(body)) return outcomeOfEmbeddings(body);
  if (choice && typeof choice.text === 'string') {
    const output = choice.text;
    if (output === '') return failed(body, 'empty_answer', 'the answer is empty', true);
    return succeeded(body, output, textOf(choice.finish_reason), exactText ?? JSON.stringify(body));
  }
  // Some gateways answer 200 and put the error inside.
  if (recordOf(body.error)) return failedByError(body);
  if (body.object === 'chat.completion' || (Array.isArray(body.data) && body.data.length === 0)) {
    return failed(body, 'empty_answer', 'the answer is empty', true);
  }
  const text = exactText ?? JSON.stringify(body);
  return succeeded(body, text, undefined, text);
}

function outcomeOfChat(body: JsonRecord, choice: JsonRecord, exactText: string | undefined): Outcome {
  const message = recordOf(choice.message) ?? {};
  const finishReason = textOf(choice.finish_reason);
  const content = readParts(message.content, 'text');
  const refusal = textOf(message.refusal) ?? content.refusal;
  if (refusal) return failed(body, 'refused', refusal, false);
  if (finishReason === 'content_filter') return blocked(body);
  // The output is not the whole story when tools are called or there are several answers.
  const calls = arrayOf(message.tool_calls).length > 0 || recordOf(message.function_call) !== undefined;
  const more = calls || recordOf(message.audio) !== undefined || arrayOf(body.choices).length > 1;
  const response = more ? (exactText ?? JSON.stringify(body)) : undefined;
  if (/\S/.test(content.text)) return succeeded(body, content.text, finishReason, response);
  if (calls || recordOf(message.audio)) return succeeded(body, JSON.stringify(message), finishReason, response);
  return outcomeOfEmpty(body, finishReason);
}

function outcomeOfResponse(body: JsonRecord, exactText: string | undefined): Outcome {
  const status = textOf(body.status);
  if (status === 'failed') return failedByError(body);
  if (status === 'cancelled') return { type: 'cancelled', message: 'the provider cancelled the response' };
  if (status === 'queued' || status === 'in_progress') {
    return failed(body, 'invalid_request', 'the answer is not finished: leave out "background": true', false);
  }
  const items = arrayOf(body.output).map(recordOf);
  const parts = items.filter((item) => item?.type === 'message').map((item) => readParts(item?.content, 'output_text'));
  const refusal = parts.map((part) => part.refusal ?? '').join('');
  if (refusal) return failed(body, 'refused', refusal, false);
  const reason = textOf(recordOf(body.incomplete_details)?.reason);
  const incomplete = reason === 'max_output_tokens' ? 'length' : (reason ?? 'incomplete');
  const finishReason = status === 'incomplete' ? incomplete : 'stop';
  if (finishReason === 'content_filter') return blocked(body);
  const calls = items.some((item) => item !== undefined && item.type !== 'message' && item.type !== 'reasoning');
  const response = calls ? (exactText ?? JSON.stringify(body)) : undefined;
  const text = parts.map((part) => part.text).join('');
  if (/\S/.test(text)) return succeeded(body, text, finishReason, response);
  if (calls) return succeeded(body, JSON.stringify(body.output), finishReason, response);
  return outcomeOfEmpty(body, finishReason);
}

/** A string, or an array of parts whose text is joined. */
function readParts(content: unknown, textType: 'text' | 'output_text'): { text: string; refusal?: string } {
  if (typeof content === 'string') return { text: content };
  let text = '';
  let refusal = '';
  for (const value of arrayOf(content)) {
    const part = recordOf(value);
    if (part?.type === textType && typeof part.text === 'string') text += part.text;
    if (part?.type === 'refusal' && typeof part.refusal === 'string') refusal += part.refusal;
  }
  return refusal ? { text, refusal } : { text };
}

function outcomeOfEmpty(body: JsonRecord, finishReason: string | undefined): Outcome {
  if (finishReason === 'length') return failed(body, 'truncated', truncatedWords, false);
  return failed(body, 'empty_answer', 'the answer is empty', true);
}

/** Also when some of it is there: what is left of an answer that was held back is none. */
function blocked(body: JsonRecord): Outcome {
  return failed(body, 'blocked', "the provider's filter held the answer back (content_filter)", false);
}

function isEmbeddings(body: JsonRecord): boolean {
  return arrayOf(body.data).length > 0 && recordOf(arrayOf(body.data)[0])?.embedding !== undefined;
}

/** One vector as `[...]`, several as an array of arrays in the order of the inputs. */
function outcomeOfEmbeddings(body: JsonRecord): Outcome {
  const rows = arrayOf(body.data).map((value, position) => {
    const row = recordOf(value);
    return { index: typeof row?.index === 'number' ? row.index : position, vector: vectorOf(row?.embedding) };
  });
  if (rows.some((row) => row.vector === undefined)) {
    return failed(body, 'malformed', 'an embedding is neither numbers nor base64', true);
  }
  const vectors = rows.sort((a, b) => a.index - b.index).map((row) => row.vector);
  return succeeded(body, JSON.stringify(vectors.length === 1 ? vectors[0] : vectors), undefined, undefined);
}

/** Base64 holds little-endian 32-bit floats. */
function vectorOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value.length > 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === 0 || bytes.length % 4 !== 0) return undefined;
  return Array.from({ length: bytes.length / 4 }, (_, position) => bytes.readFloatLE(position * 4));
}

function failedByError(body: JsonRecord): FailedOutcome {
  const error = recordOf(body.error);
  const told = { code: codeOfError(error), type: textOf(error?.type), message: textOf(error?.message) };
  const { code, message, retryable } = failedOutcome(told);
  return failedAnswer(usageOf(body), { code, retryable }, message);
}

function succeeded(
  body: JsonRecord,
  output: string,
  finishReason: string | undefined,
  response: string | undefined,
): SucceededOutcome {
  return succeededAnswer(usageOf(body), output, finishReason, response);
}

function failed(body: JsonRecord, code: FailureCode, message: string, retryable: boolean): FailedOutcome {
  return failedAnswer(usageOf(body), { code, retryable }, message);
}
