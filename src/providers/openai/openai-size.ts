import type { ModelRequest, RequestSize } from '../../request.ts';
import { imagesOfChat, sizeWithImages } from '../image-size.ts';
import { arrayOf, countOf, recordOf } from '../json-values.ts';
import { mostUnseenTokens } from '../unseen-tokens.ts';

/** Fields of a request in the provider's own words that name something outside of the body. */
const unseen = /"(file_id|file_url|file_ids|vector_store_ids|previous_response_id|conversation)"\s*:\s*["[{]/;

/** Estimate and bound of a request from the text that goes on the wire. */
export function sizeOfRequest(request: ModelRequest, body: string): RequestSize {
  const size = sizeWithImages(body, imagesOf(request), maxOutputOf(request));
  if (request.type === 'native' && unseen.test(body)) size.maxInputTokens += mostUnseenTokens;
  const inputs = inputsOf(request);
  return inputs === undefined ? size : { ...size, inputs };
}

/**
 * What counts towards the inputs that a batch may hold: https://developers.openai.com/api/docs/guides/batch. A text, or a
 * text as an array of token numbers, is one input; an array of either is so many.
 */
function inputsOf(request: ModelRequest): number | undefined {
  if (request.type === 'embedding') return request.input.length;
  if (request.type === 'chat' || request.endpoint !== '/v1/embeddings') return undefined;
  const { input } = request.body;
  const isOne = !Array.isArray(input) || input.every((token) => typeof token === 'number');
  return isOne ? 1 : input.length;
}

/** For each image the bytes that it takes inside the body; 0 for one that is fetched from an address. */
function imagesOf(request: ModelRequest): number[] {
  if (request.type === 'embedding') return [];
  if (request.type === 'chat') return imagesOfChat(request);
  const messages = [...arrayOf(request.body.messages), ...arrayOf(request.body.input)];
  return messages.flatMap((message) =>
    arrayOf(recordOf(message)?.content).flatMap((value) => {
      const part = recordOf(value);
      if (part?.type !== 'image_url' && part?.type !== 'input_image') return [];
      const url = recordOf(part.image_url)?.url ?? part.image_url;
      return [typeof url === 'string' && url.startsWith('data:') ? url.length : 0];
    }),
  );
}

function maxOutputOf(request: ModelRequest): number | undefined {
  if (request.type === 'embedding') return 0;
  if (request.type === 'chat') return request.maxTokens;
  const { body, endpoint } = request;
  if (endpoint === '/v1/embeddings' || endpoint === '/v1/moderations') return 0;
  const limit = countOf(body.max_completion_tokens) ?? countOf(body.max_output_tokens) ?? countOf(body.max_tokens);
  // Several answers to one question.
  return limit === undefined ? undefined : limit * Math.max(countOf(body.n) ?? 1, 1);
}
