import type { FailedOutcome, FailureCode, Outcome } from '../../outcome.ts';
import { failedAnswer, outcomeOrMalformed, succeededAnswer, truncatedWords } from '../answer-outcome.ts';
import { arrayOf, type JsonRecord, recordOf, textOf } from '../json-values.ts';
import { failureOf } from './anthropic-error.ts';
import { usageOf } from './anthropic-usage.ts';

/**
 * A message, from a result line or realtime. `exactText` is the body as it came, where that is at hand.
 */
export function outcomeOfMessage(message: JsonRecord, exactText?: string): Outcome {
  return outcomeOrMalformed(
    () => outcomeOfContent(message, exactText),
    () => usageOf(message),
  );
}

function outcomeOfContent(message: JsonRecord, exactText: string | undefined): Outcome {
  if (!Array.isArray(message.content)) return failed(message, 'malformed', 'the answer has no content', true);
  const content = readContent(message.content);
  const stopReason = textOf(message.stop_reason);
  if (stopReason === 'refusal') {
    const explanation = textOf(recordOf(message.stop_details)?.explanation) ?? (content.text.trim() || undefined);
    return failedByWord(message, 'refusal', explanation ?? 'the model declined to answer');
  }
  const unfinished = stopReason === 'tool_use' || stopReason === 'pause_turn';
  const hasText = /\S/.test(content.text);
  if (!hasText && !content.hasMore && !unfinished) return outcomeOfEmpty(message, stopReason);
  const output = hasText ? content.text : JSON.stringify(message.content);
  // The text is not the whole story when tools are called, sources are named or the turn goes on.
  const response = content.hasMore || unfinished ? (exactText ?? JSON.stringify(message)) : undefined;
  return succeededAnswer(usageOf(message), output, isCut(stopReason) ? 'length' : stopReason, response);
}

/** The text blocks joined; thinking is no part of the answer. */
function readContent(blocks: readonly unknown[]): { text: string; hasMore: boolean } {
  let text = '';
  let hasMore = false;
  for (const value of blocks) {
    const block = recordOf(value);
    if (block?.type === 'text' && typeof block.text === 'string') {
      text += block.text;
      if (arrayOf(block.citations).length > 0) hasMore = true;
    } else if (block?.type !== 'thinking' && block?.type !== 'redacted_thinking') hasMore = true;
  }
  return { text, hasMore };
}

function isCut(stopReason: string | undefined): boolean {
  return stopReason === 'max_tokens' || stopReason === 'model_context_window_exceeded';
}

function outcomeOfEmpty(message: JsonRecord, stopReason: string | undefined): Outcome {
  if (stopReason === 'max_tokens') {
    return failedByWord(message, stopReason, truncatedWords);
  }
  if (stopReason === 'model_context_window_exceeded') {
    return failedByWord(message, stopReason, "the question leaves no room for an answer in the model's context");
  }
  return failed(message, 'empty_answer', 'the answer is empty', true);
}

function failedByWord(message: JsonRecord, word: string, words: string): FailedOutcome {
  return failedAnswer(usageOf(message), failureOf(word), words);
}

function failed(message: JsonRecord, code: FailureCode, words: string, retryable: boolean): FailedOutcome {
  return failedAnswer(usageOf(message), { code, retryable }, words);
}
