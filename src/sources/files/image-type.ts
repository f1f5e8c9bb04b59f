/** Image formats that vision models take, known by their first bytes and a look at their header. */

export const imageTypeNames = 'PNG, JPEG, GIF, WebP or BMP';

/** `broken`: it begins like the format, but holds no picture. */
export type ImageType = { mediaType: string; broken: boolean };

/** Of a whole file, or with `isHead` of its first 4 KiB. Undefined for anything that is no image we know. */
export function imageTypeOf(bytes: Buffer, isHead = false): ImageType | undefined {
  if (bytes.length >= 8 && bytes.readUInt32BE(0) === 0x89504e47 && bytes.readUInt32BE(4) === 0x0d0a1a0a) {
    return { mediaType: 'image/png', broken: !isWholePng(bytes, isHead) };
  }
  if (bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xffd8ff) {
    return { mediaType: 'image/jpeg', broken: !isHead && !hasJpegFrame(bytes) };
  }
  const tag = bytes.toString('latin1', 0, 6);
  if ((tag === 'GIF87a' || tag === 'GIF89a') && hasGifBlock(bytes)) return { mediaType: 'image/gif', broken: false };
  if (tag.startsWith('RIFF') && bytes.toString('latin1', 8, 12) === 'WEBP') {
    const chunk = bytes.toString('latin1', 12, 16);
    return { mediaType: 'image/webp', broken: bytes.length < 26 || !['VP8 ', 'VP8L', 'VP8X'].includes(chunk) };
  }
  // "BM" alone is how many a text begins.
  if (tag.startsWith('BM') && isBitmap(bytes, isHead)) return { mediaType: 'image/bmp', broken: false };
  return undefined;
}

/** Width and height, and some image data. */
function isWholePng(bytes: Buffer, isHead: boolean): boolean {
  if (bytes.length < 45 || bytes.toString('latin1', 12, 16) !== 'IHDR') return false;
  return bytes.readUInt32BE(16) > 0 && bytes.readUInt32BE(20) > 0 && (isHead || bytes.includes('IDAT', 33, 'latin1'));
}

/** Goes from marker to marker up to a frame header (SOF0 to SOF15) with a width and a height. */
function hasJpegFrame(bytes: Buffer): boolean {
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return false;
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xff) at += 1;
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      // A height of 0 is legal: it follows later.
      return bytes.readUInt16BE(at + 7) > 0;
    } else if (marker === 0xd9 || marker === 0xda) return false;
    else at += 2 + bytes.readUInt16BE(at + 2);
  }
  return false;
}

/** After the screen description and its colours comes an extension or an image. */
function hasGifBlock(bytes: Buffer): boolean {
  if (bytes.length < 24) return false;
  const flags = bytes[10] ?? 0;
  const colours = flags & 0x80 ? 3 * 2 ** ((flags & 0x07) + 1) : 0;
  const block = bytes[13 + colours];
  return block === 0x21 || block === 0x2c;
}

function isBitmap(bytes: Buffer, isHead: boolean): boolean {
  if (bytes.length < 30) return false;
  const dataAt = bytes.readUInt32LE(10);
  const headerBytes = bytes.readUInt32LE(14);
  return [12, 40, 52, 56, 64, 108, 124].includes(headerBytes) && dataAt >= 26 && (isHead || dataAt < bytes.length);
}
