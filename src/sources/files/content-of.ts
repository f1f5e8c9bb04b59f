import type { ItemContent } from '../../source.ts';
import { decodeText } from './decode-text.ts';
import type { DocumentText } from './document-text.ts';
import { docxText, isDocx } from './docx-text.ts';
import { imageTypeNames, imageTypeOf } from './image-type.ts';
import { isPdf, pdfText } from './pdf-text.ts';
import { type Skip, skipOf, tooLarge } from './read-file.ts';
import { isZip, readZipDirectory } from './zip-directory.ts';

export interface ContentLimits {
  maxTextBytes: number;
  maxImageBytes: number;
  /** Images only. */
  vision: boolean;
}

/** Why a file above `maxTextBytes` is not even read whole; judged by its first bytes. */
export function refuseBig(size: number, head: Buffer, limits: ContentLimits): Skip | undefined {
  const image = imageTypeOf(head, true);
  if (limits.vision && !image) return notAnImage;
  const isDocument = isPdf(head) || isZip(head);
  if (!image && !isDocument) return tooLarge(size, limits.maxTextBytes, 'a file');
  const most = image ? limits.maxImageBytes : Math.max(limits.maxImageBytes, limits.maxTextBytes);
  return size > most ? tooLarge(size, most, image ? 'an image' : 'a document') : undefined;
}

/** What a file's bytes are, whatever its name says. */
export async function contentOf(name: string, bytes: Buffer, limits: ContentLimits): Promise<ItemContent> {
  const image = imageTypeOf(bytes);
  if (image) {
    if (image.broken) return skipOf('unreadable', `it begins like ${image.mediaType}, but holds no picture`);
    if (bytes.length > limits.maxImageBytes) return tooLarge(bytes.length, limits.maxImageBytes, 'an image');
    return { type: 'image', name, mediaType: image.mediaType, base64: bytes.toString('base64') };
  }
  if (limits.vision) return notAnImage;
  const found = await textOf(bytes, limits);
  if ('problem' in found) return skipOf(found.problem, found.message);
  if (!/\S/.test(found.text)) return skipOf('empty', 'there is nothing but white space in it');
  return { type: 'text', name, text: found.text };
}

const notAnImage = skipOf('unsupported', `not an image (${imageTypeNames}), and only images were asked for`);

async function textOf(bytes: Buffer, limits: ContentLimits): Promise<DocumentText> {
  if (isPdf(bytes)) return extracted(await pdfText(bytes, limits.maxTextBytes), limits);
  if (isZip(bytes)) {
    const entries = readZipDirectory(bytes);
    if (entries && isDocx(entries)) return extracted(await docxText(bytes, entries), limits);
    return { problem: 'binary', message: 'a zip archive, and not a Word document' };
  }
  if (bytes.length >= 8 && bytes.readUInt32BE(0) === 0xd0cf11e0) {
    return { problem: 'binary', message: 'an Office file of the old kind: save it as DOCX or PDF' };
  }
  return decodeText(bytes);
}

/** What a document library gives out may be long, and hold NUL and half characters, which no provider takes. */
function extracted(document: DocumentText, limits: ContentLimits): DocumentText {
  if ('problem' in document) return document;
  const text = document.text.replaceAll('\0', '').toWellFormed();
  const size = Buffer.byteLength(text);
  if (size <= limits.maxTextBytes) return { text };
  return { problem: 'too_large', message: tooLarge(size, limits.maxTextBytes, 'text').message };
}
