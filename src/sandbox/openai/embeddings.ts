import { embed, vectorBase64, vectorJson } from '../answers/embedding.ts';
import { estimateTokens } from '../answers/prompt.ts';
import { asNumber, asString, type JsonObject } from '../json.ts';
import { positiveIntegerProblem } from './body-checks.ts';
import { invalidRequest } from './errors.ts';
import { type AnswerContext, type ModelAnswer, refused } from './model-answer.ts';

const MAX_INPUTS = 2048;

/** POST /v1/embeddings (contract section 5.3). */
export function answerEmbeddings(body: JsonObject, _context: AnswerContext): ModelAnswer {
  const inputs = embeddingInputs(body.input);
  const problem = positiveIntegerProblem(body, 'dimensions');
  if (problem !== undefined) return refused(problem);
  if (inputs === undefined || inputs.length === 0 || inputs.length > MAX_INPUTS || inputs.includes('')) {
    return refused(invalidRequest("'$.input' is invalid. Please check the API reference.", null));
  }
  const model = asString(body.model) ?? '';
  const largest = model === 'text-embedding-3-large' ? 3072 : 1536;
  const dimensions = asNumber(body.dimensions) ?? largest;
  if (dimensions > largest) {
    return refused(
      invalidRequest(`Invalid value for 'dimensions' = ${dimensions}. Must be less than or equal to ${largest}.`),
    );
  }
  const base64 = body.encoding_format === 'base64';
  const data = inputs.map((text, index) => {
    const vector = embed(text, dimensions);
    const value = base64 ? JSON.stringify(vectorBase64(vector)) : vectorJson(vector);
    return `{"object":"embedding","index":${index},"embedding":${value}}`;
  });
  const tokens = inputs.reduce((sum, text) => sum + estimateTokens(text.length), 0);
  const json =
    `{"object":"list","data":[${data.join(',')}],"model":${JSON.stringify(model)},` +
    `"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}}`;
  return { status: 200, json, inputTokens: tokens, outputTokens: 0 };
}

/** The texts to embed; token numbers are taken as words. `undefined` when the input has none of the four forms. */
export function embeddingInputs(input: unknown): string[] | undefined {
  if (typeof input === 'string') return [input];
  if (!Array.isArray(input)) return undefined;
  const items = input as unknown[];
  if (items.every((item) => typeof item === 'string')) return items;
  if (items.every((item) => typeof item === 'number')) return [items.join(' ')];
  return items.every((item) => Array.isArray(item)) ? items.map((item) => (item as unknown[]).join(' ')) : undefined;
}
