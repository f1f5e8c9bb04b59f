import type { ModelRequest, RequestSize } from '../../request.ts';
import { imagesOfChat, sizeWithImages } from '../image-size.ts';
import { arrayOf, countOf, recordOf } from '../json-values.ts';

/** What an image takes differs from model to model; as OpenAI's images, which is more than most take. */
export function sizeOfRequest(request: ModelRequest, body: string): RequestSize {
  return sizeWithImages(body, imagesOf(request), maxOutputOf(request));
}

/** The bytes of each image inside the body. */
function imagesOf(request: ModelRequest): number[] {
  if (request.type === 'embedding') return [];
  if (request.type === 'chat') return imagesOfChat(request);
  const { messages, images } = request.body;
  const all = [...arrayOf(images), ...arrayOf(messages).flatMap((message) => arrayOf(recordOf(message)?.images))];
  return all.flatMap((image) => (typeof image === 'string' ? [image.length] : []));
}

function maxOutputOf(request: ModelRequest): number | undefined {
  if (request.type === 'embedding') return 0;
  if (request.type === 'chat') return request.maxTokens;
  // Below zero: without a limit.
  return request.endpoint === '/api/embed' ? 0 : countOf(recordOf(request.body.options)?.num_predict);
}
