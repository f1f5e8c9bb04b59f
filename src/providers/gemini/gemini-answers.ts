import type { FailedOutcome, Outcome, SucceededOutcome } from '../../outcome.ts';
import {
  type Failure,
  failedAnswer,
  failure,
  outcomeOrMalformed,
  succeededAnswer,
  truncatedWords,
} from '../answer-outcome.ts';
import { arrayOf, type JsonRecord, recordOf, textOf } from '../json-values.ts';
import { failureOf, isBlocked } from './gemini-failures.ts';
import { usageOf } from './gemini-usage.ts';

/**
 * An answer of the model or of an embedding, from a result file or realtime. What kind it is shows in its shape.
 * `exactText` is the answer as it came, where that is at hand.
 */
export function outcomeOfAnswer(answer: JsonRecord, exactText?: string): Outcome {
  return outcomeOrMalformed(
    () => {
      const vectors = vectorsOf(answer);
      return vectors ? outcomeOfVectors(answer, vectors) : outcomeOfCandidates(answer, exactText);
    },
    () => usageOf(answer),
  );
}

/** Whether an object is an answer by itself: lines of requests without a key hold it bare. */
export function isAnswer(value: JsonRecord): boolean {
  return ['candidates', 'promptFeedback', 'usageMetadata', 'embedding', 'embeddings'].some((key) =>
    recordOrArray(value[key]),
  );
}

function recordOrArray(value: unknown): boolean {
  return Array.isArray(value) || recordOf(value) !== undefined;
}

function outcomeOfCandidates(answer: JsonRecord, exactText: string | undefined): Outcome {
  const candidates = arrayOf(answer.candidates);
  const candidate = recordOf(candidates[0]);
  // A question that is blocked is a successful answer without candidates.
  const blockReason = textOf(recordOf(answer.promptFeedback)?.blockReason);
  if (blockReason && !candidate) {
    return failed(answer, failure('blocked', false), `the question was blocked: ${blockReason}`);
  }
  const finishReason = textOf(candidate?.finishReason);
  if (finishReason && isBlocked(finishReason)) {
    const words = textOf(candidate?.finishMessage) ?? 'the answer was held back';
    return failed(answer, { ...failureOf(finishReason), retryable: false }, `${finishReason}: ${words}`);
  }
  const content = recordOf(candidate?.content);
  // Thoughts are no part of the answer.
  const parts = arrayOf(content?.parts).flatMap((value) => {
    const part = recordOf(value);
    return part && part.thought !== true ? [part] : [];
  });
  const text = parts.map((part) => (typeof part.text === 'string' ? part.text : '')).join('');
  // The text is not the whole story when tools are called or there are several answers.
  const more = parts.some((part) => typeof part.text !== 'string');
  const response = more || candidates.length > 1 ? (exactText ?? JSON.stringify(answer)) : undefined;
  if (/\S/.test(text)) return succeeded(answer, text, finishReason, response);
  if (more) return succeeded(answer, JSON.stringify(content), finishReason, response);
  return outcomeOfNothing(answer, candidate, finishReason);
}

function outcomeOfNothing(
  answer: JsonRecord,
  candidate: JsonRecord | undefined,
  finishReason: string | undefined,
): Outcome {
  if (finishReason === 'MAX_TOKENS') return failed(answer, failureOf(finishReason), truncatedWords);
  const words = textOf(candidate?.finishMessage) ?? 'the answer is empty';
  return failed(answer, failureOf(finishReason ?? 'STOP'), finishReason ? `${finishReason}: ${words}` : words);
}

/** `{embedding: {values}}`, or `{embeddings: [{values}]}` in the order of the inputs. */
function vectorsOf(answer: JsonRecord): readonly unknown[] | undefined {
  if (recordOf(answer.embedding)) return [recordOf(answer.embedding)?.values];
  if (!Array.isArray(answer.embeddings)) return undefined;
  return answer.embeddings.map((each) => recordOf(each)?.values);
}

/** One vector as `[...]`, several as an array of arrays. */
function outcomeOfVectors(answer: JsonRecord, vectors: readonly unknown[]): Outcome {
  if (vectors.length === 0) return failed(answer, failure('empty_answer', true), 'the answer is empty');
  if (vectors.some((vector) => arrayOf(vector).length === 0)) {
    return failed(answer, failure('malformed', true), 'an embedding holds no numbers');
  }
  return succeeded(answer, JSON.stringify(vectors.length === 1 ? vectors[0] : vectors), undefined, undefined);
}

function succeeded(
  answer: JsonRecord,
  output: string,
  finishReason: string | undefined,
  response: string | undefined,
): SucceededOutcome {
  const word = finishReason === 'MAX_TOKENS' ? 'length' : finishReason?.toLowerCase();
  return succeededAnswer(usageOf(answer), output, word, response);
}

function failed(answer: JsonRecord, kind: Failure, message: string): FailedOutcome {
  return failedAnswer(usageOf(answer), kind, message);
}
