import type { ChatRequest, RequestSize } from '../request.ts';
import { estimateTokens } from '../usage.ts';

/** What an image usually takes, and the most: base64 says nothing about it. */
const imageTokens = 1100;
const maxImageTokens = 5000;

/** Estimate and bound of a body, of which the images take `images` bytes each: those are no text. */
export function sizeWithImages(
  body: string,
  images: readonly number[],
  maxOutputTokens: number | undefined,
): RequestSize {
  const textBytes = Buffer.byteLength(body) - images.reduce((sum, bytes) => sum + bytes, 0);
  const size: RequestSize = {
    inputTokens: estimateTokens(textBytes) + images.length * imageTokens,
    maxInputTokens: textBytes + images.length * maxImageTokens,
  };
  if (maxOutputTokens !== undefined) size.maxOutputTokens = maxOutputTokens;
  return size;
}

/** The bytes of each image of a conversation. */
export function imagesOfChat({ messages }: ChatRequest): number[] {
  const images: number[] = [];
  for (const { content } of messages) {
    for (const part of content) if (part.type === 'image') images.push(part.base64.length);
  }
  return images;
}
