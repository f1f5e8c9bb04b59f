import type { RequestSize } from '../../request.ts';
import { estimateTokens } from '../../usage.ts';
import { arrayOf, countOf, type JsonRecord, recordOf, textOf } from '../json-values.ts';
import { mostUnseenTokens } from '../unseen-tokens.ts';

/** An image of at most 384 pixels a side counts 258 tokens, a larger one that for each tile. Pixels are not looked at. */
const imageTokens = { small: 258, usual: 1290, most: 5000 };
const smallImageBase64 = 20_000;

interface Media {
  base64: number;
  tokens: number;
  most: number;
}

/** What a body will take. `bodyBytes` is the length of its JSON text, whose marks stand for the words around the text. */
export function sizeOf(body: JsonRecord, bodyBytes: number, isEmbedding: boolean): RequestSize {
  const media: Media = { base64: 0, tokens: 0, most: 0 };
  addContents(body.contents ?? body.content, media);
  addContents(body.systemInstruction ?? body.system_instruction, media);
  for (const each of arrayOf(body.requests)) addContents(recordOf(each)?.content, media);
  if (textOf(body.cachedContent ?? body.cached_content)) addUnseen(media);
  const text = Math.max(bodyBytes - media.base64, 0);
  const size: RequestSize = {
    inputTokens: estimateTokens(text) + media.tokens,
    maxInputTokens: text + media.most,
  };
  if (isEmbedding) return { ...size, maxOutputTokens: 0 };
  const config = recordOf(body.generationConfig ?? body.generation_config);
  const most = countOf(config?.maxOutputTokens ?? config?.max_output_tokens);
  // Each of several answers may be that long; the thoughts are part of it.
  const answers = Math.max(countOf(config?.candidateCount ?? config?.candidate_count) ?? 1, 1);
  if (most !== undefined) size.maxOutputTokens = most * answers;
  return size;
}

function addContents(value: unknown, media: Media): void {
  for (const each of Array.isArray(value) ? value : [value]) {
    const parts = recordOf(each)?.parts;
    for (const part of Array.isArray(parts) ? parts : [parts]) addPart(recordOf(part), media);
  }
}

function addPart(part: JsonRecord | undefined, media: Media): void {
  if (recordOf(part?.fileData ?? part?.file_data)) addUnseen(media);
  const inline = recordOf(part?.inlineData ?? part?.inline_data);
  const data = textOf(inline?.data);
  if (data === undefined) return;
  media.base64 += data.length;
  const isImage = /^image\//i.test(textOf(inline?.mimeType ?? inline?.mime_type) ?? '');
  if (isImage) {
    media.tokens += data.length <= smallImageBase64 ? imageTokens.small : imageTokens.usual;
    media.most += imageTokens.most;
    return;
  }
  // Sound and documents are thinner than text: seconds and pages are what is counted.
  const bytes = Math.ceil((data.length * 3) / 4);
  media.tokens += Math.ceil(bytes / 100);
  media.most += bytes;
}

function addUnseen(media: Media): void {
  media.tokens += imageTokens.usual;
  media.most += mostUnseenTokens;
}
