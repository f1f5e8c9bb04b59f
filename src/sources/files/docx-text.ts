import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import type { DocumentText } from './document-text.ts';
import type { ZipEntry } from './zip-directory.ts';

const unpack = promisify(inflateRaw);
/** All parts together; and the XML, for each megabyte of which mammoth needs 0.25 s and 40 MB of memory. */
const maxUnpackedBytes = 100 * 1024 * 1024;
const maxXmlBytes = 16 * 1024 * 1024;
/** Word's own files pack 5 to 20 times; a part above a megabyte that packs better than this was made to do harm. */
const maxRatio = 100;

export function isDocx(entries: readonly ZipEntry[]): boolean {
  const names = new Set(entries.map((entry) => entry.name));
  return names.has('[Content_Types].xml') && names.has('word/document.xml');
}

/** The plain text of a Word file, paragraphs separated by blank lines. */
export async function docxText(bytes: Buffer, entries: readonly ZipEntry[]): Promise<DocumentText> {
  const problem = await bombProblem(bytes, entries);
  if (problem) return { problem: 'too_large', message: problem };
  try {
    const { default: mammoth } = await import('mammoth');
    const { value } = await mammoth.extractRawText({ buffer: bytes });
    return { text: value };
  } catch {
    // The library's words quote the document: they stay out of the message.
    return { problem: 'unreadable', message: 'the Word file is damaged: its text cannot be extracted' };
  }
}

/**
 * A few kilobytes can unpack to gigabytes, and the directory of a zip may lie about it. So first the declared sizes are
 * added up, then each part is unpacked to check that it keeps to its own.
 */
async function bombProblem(bytes: Buffer, entries: readonly ZipEntry[]): Promise<string | undefined> {
  let total = 0;
  let xml = 0;
  for (const entry of entries) {
    total += entry.unpackedBytes;
    if (!entry.name.startsWith('word/media/')) xml += entry.unpackedBytes;
  }
  if (total > maxUnpackedBytes || xml > maxXmlBytes) {
    return `the Word file unpacks to ${total.toLocaleString('en-US')} bytes, too much to be read`;
  }
  const isBomb = (entry: ZipEntry) =>
    entry.unpackedBytes > 1024 * 1024 && entry.unpackedBytes > entry.packedBytes * maxRatio;
  if (entries.some(isBomb)) return 'the Word file unpacks to more than a hundred times its size';
  for (const entry of entries) {
    if (entry.method !== 8 || entry.packedBytes === 0) continue;
    const packed = bytes.subarray(entry.dataAt, entry.dataAt + entry.packedBytes);
    try {
      await unpack(packed, { maxOutputLength: Math.max(entry.unpackedBytes, 1) });
    } catch (error) {
      // Damaged data is for mammoth to find, if it needs that part at all.
      if (error instanceof RangeError) return 'the Word file unpacks to more than it declares';
    }
  }
  return undefined;
}
