import type { RowAction } from '../fault-plan.ts';
import { FILL_MARKER } from './fill.ts';
import { describeImage } from './image.ts';
import { keywordsOf, languageOf, sentimentOf } from './keywords.ts';
import { estimateTokens, type Prompt } from './prompt.ts';
import { valueForSchema } from './schema-value.ts';
import { summarise } from './summary.ts';

/** The model's answer before it is put in the shape of one API. */
export interface Answer {
  text: string;
  refusal: string | null;
  /** Cut by the caller's token limit. */
  cut: boolean;
  outputTokens: number;
}

/** Composes the deterministic answer to a prompt, spoilt by a fault that concerns the content. */
export function composeAnswer(prompt: Prompt, fault: RowAction | undefined): Answer {
  if (fault?.type === 'refusal') {
    const refusal = "I'm sorry, but I can't help with that request.";
    return { text: '', refusal, cut: false, outputTokens: estimateTokens(refusal.length) };
  }
  const whole = fault === undefined ? plainAnswer(prompt) : faultyText(prompt, fault);
  const limit = prompt.maxOutputTokens;
  const cut = limit !== undefined && estimateTokens(whole.length) > limit;
  const text = cut ? whole.slice(0, limit * 4) : whole;
  return { text, refusal: null, cut, outputTokens: estimateTokens(text.length) };
}

function faultyText(prompt: Prompt, fault: RowAction): string {
  switch (fault.type) {
    case 'text':
      return fault.text;
    case 'empty-content':
      return '';
    case 'huge':
      return FILL_MARKER;
    case 'invalid-json-answer':
      // Looks like the start of the right answer: valid neither as JSON nor under any schema.
      return '{"summary": "this answer does not fit the schema", "unfinished": [1, 2';
    default:
      return plainAnswer(prompt);
  }
}

function plainAnswer(prompt: Prompt): string {
  if (prompt.schema === true) return JSON.stringify({ summary: describe(prompt) });
  if (prompt.schema !== undefined) {
    return JSON.stringify(valueForSchema(prompt.schema, { summary: describe(prompt), document: prompt.document }));
  }
  return describe(prompt);
}

function describe(prompt: Prompt): string {
  if (prompt.images.length > 0) return prompt.images.map((image) => describeImage(image.url)).join('\n');
  const { instruction, document } = prompt;
  if (instruction.includes('keyword')) return keywordsOf(document, 8).join(', ');
  if (instruction.includes('sentiment')) return sentimentOf(document);
  if (/\b(?:which|what|detect\w*|identify) (?:the )?language\b/.test(instruction)) return languageOf(document);
  return summarise(document);
}
