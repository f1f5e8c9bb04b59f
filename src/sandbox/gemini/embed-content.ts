import { embed, vectorJson } from '../answers/embedding.ts';
import { estimateTokens } from '../answers/prompt.ts';
import { isObject, type JsonObject } from '../json.ts';
import { type GeminiError, invalidArgument } from './errors.ts';
import { field } from './field.ts';
import type { AnswerContext, ModelAnswer } from './model-answer.ts';
import { partsProblem, textOf } from './read-contents.ts';

const LARGEST = 3072;
const MAX_REQUESTS = 100;

interface Embedding {
  /** `{"values":[...]}` as text. */
  json: string;
  tokens: number;
}

/** `:embedContent`, and one row of `:asyncBatchEmbedContent` (contract section 5.5). */
export function answerEmbedContent(body: JsonObject, _context: AnswerContext): ModelAnswer {
  const embedding = embeddingOf(body, 'EmbedContentRequest');
  if ('code' in embedding) return { error: embedding };
  return answered(`{"embedding":${embedding.json}}`, embedding.tokens);
}

/** `:batchEmbedContents`: synchronous, despite its name. */
export function answerEmbedContents(body: JsonObject, _context: AnswerContext): ModelAnswer {
  const requests = body.requests;
  if (!Array.isArray(requests) || requests.length === 0) {
    return { error: invalidArgument('* BatchEmbedContentsRequest.requests: requests is not specified\n') };
  }
  if (requests.length > MAX_REQUESTS) {
    const message = `* BatchEmbedContentsRequest.requests: at most ${MAX_REQUESTS} requests can be in one batch\n`;
    return { error: invalidArgument(message) };
  }
  const texts: string[] = [];
  let tokens = 0;
  for (const [i, request] of (requests as unknown[]).entries()) {
    const embedding = embeddingOf(isObject(request) ? request : {}, `BatchEmbedContentsRequest.requests[${i}]`);
    if ('code' in embedding) return { error: embedding };
    texts.push(embedding.json);
    tokens += embedding.tokens;
  }
  return answered(`{"embeddings":[${texts.join(',')}]}`, tokens);
}

function answered(json: string, inputTokens: number): ModelAnswer {
  return { error: null, json, tokens: { input: inputTokens, output: 0 } };
}

function embeddingOf(request: JsonObject, at: string): Embedding | GeminiError {
  const content = request.content;
  if (!isObject(content)) return invalidArgument(`* ${at}.content: content is not specified\n`);
  const problem = partsProblem(content.parts, `${at}.content`);
  if (problem !== undefined) return problem;
  const dimensions = Number(field(request, 'outputDimensionality') ?? LARGEST);
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > LARGEST) {
    return invalidArgument(`* ${at}.output_dimensionality: must be from 1 to ${LARGEST}.\n`);
  }
  const text = textOf(content);
  return { json: `{"values":${vectorJson(embed(text, dimensions))}}`, tokens: estimateTokens(text.length) };
}
