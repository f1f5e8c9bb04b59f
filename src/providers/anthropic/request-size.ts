import type { RequestSize } from '../../request.ts';
import { estimateTokens } from '../../usage.ts';
import { arrayOf, countOf, type JsonRecord, recordOf } from '../json-values.ts';
import { mostUnseenTokens } from '../unseen-tokens.ts';

/** What a large image takes once it is scaled down to what the models see. */
const imageTokens = 1600;
const maxImageTokens = 5000;
/** Room for the words that the provider puts before tools and schemas on its own. */
const hiddenTokens = 1000;

interface Measured {
  textBytes: number;
  images: number;
  /** Base64 text of the images: bytes of the body that are no text. */
  imageBytes: number;
}

/** What a body of `/v1/messages` will take; `text` is the body as it goes on the wire. */
export function sizeOfBody(body: JsonRecord, text: string): RequestSize {
  const measured: Measured = { textBytes: 0, images: 0, imageBytes: 0 };
  addContent(body.system, measured);
  for (const message of arrayOf(body.messages)) addContent(recordOf(message)?.content, measured);
  for (const value of [body.tools, body.output_config]) addOther(value, measured);
  const hidden = body.tools === undefined && body.output_config === undefined ? 0 : hiddenTokens;
  const size: RequestSize = {
    inputTokens: estimateTokens(measured.textBytes) + measured.images * imageTokens,
    // The JSON around the text stands for what a message costs besides its words.
    maxInputTokens:
      Buffer.byteLength(text) -
      measured.imageBytes +
      measured.images * maxImageTokens +
      hidden +
      unseenTokens(text, body),
  };
  const maxOutputTokens = countOf(body.max_tokens);
  if (maxOutputTokens !== undefined) size.maxOutputTokens = maxOutputTokens;
  return size;
}

/** A document behind an address, a file at the provider. */
const outside = /"type"\s*:\s*"(url|file)"/;

function unseenTokens(text: string, body: JsonRecord): number {
  const mayHold = arrayOf(body.messages).some((message) => typeof recordOf(message)?.content !== 'string');
  return mayHold && text.includes('"document"') && outside.test(text) ? mostUnseenTokens : 0;
}

/** A string, or blocks; a tool's result holds blocks of its own. */
function addContent(content: unknown, measured: Measured): void {
  if (typeof content === 'string') measured.textBytes += Buffer.byteLength(content);
  for (const value of arrayOf(content)) {
    const block = recordOf(value);
    if (block?.type === 'text' && typeof block.text === 'string') measured.textBytes += Buffer.byteLength(block.text);
    else if (block?.type === 'image') {
      const data = recordOf(block.source)?.data;
      measured.images++;
      if (typeof data === 'string') measured.imageBytes += Buffer.byteLength(data);
    } else if (block?.type === 'tool_result') addContent(block.content, measured);
    else addOther(block, measured);
  }
}

function addOther(value: unknown, measured: Measured): void {
  if (value !== undefined) measured.textBytes += Buffer.byteLength(JSON.stringify(value));
}
