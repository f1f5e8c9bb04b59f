import type { ChatRequest, RequestSize } from '../request.ts';
import { estimateTokens } from '../usage.ts';
import { mostUnseenTokens } from './unseen-tokens.ts';

/** What an image usually takes, and the most: base64 says nothing about it. */
const imageTokens = 1100;
const maxImageTokens = 5000;

/** Fields that name something outside of the body. */
const unseen = /"(file_id|file_url|file_ids|vector_store_ids|previous_response_id|conversation)"\s*:\s*["[{]/;

/** Estimate and bound of a body, of which the images take `images` bytes each: those are no text. */
export function sizeWithImages(
  body: string,
  images: readonly number[],
  maxOutputTokens: number | undefined,
): RequestSize {
  const textBytes = Buffer.byteLength(body) - images.reduce((sum, bytes) => sum + bytes, 0);
  const size: RequestSize = {
    inputTokens: estimateTokens(textBytes) + images.length * imageTokens,
    maxInputTokens: textBytes + images.length * maxImageTokens + (unseen.test(body) ? mostUnseenTokens : 0),
  };
  if (maxOutputTokens !== undefined) size.maxOutputTokens = maxOutputTokens;
  return size;
}

/** The bytes of each image of a conversation. */
export function imagesOfChat({ messages }: ChatRequest): number[] {
  const parts = messages.flatMap((message) => message.content);
  return parts.flatMap((part) => (part.type === 'image' ? [part.base64.length] : []));
}
