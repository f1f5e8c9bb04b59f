import { pngColours } from './png.ts';

interface ImageFacts {
  format: 'PNG' | 'JPEG' | 'GIF' | 'WebP' | 'BMP';
  width: number;
  height: number;
}

/** One sentence about an image given as a `data:` URL; nothing is ever fetched from the network. */
export function describeImage(url: string): string {
  if (!url.startsWith('data:')) return describeRemote(url);
  const comma = url.indexOf(',');
  const data = Buffer.from(url.slice(comma + 1), 'base64');
  const facts = imageFacts(data);
  if (facts === undefined) return `An image of ${data.length} bytes in a format this sandbox does not know.`;
  const size = `${/^[AEIOU]/.test(facts.format) ? 'An' : 'A'} ${facts.format} image, ${facts.width} x ${facts.height} pixels`;
  const colours = facts.format === 'PNG' ? pngColours(data) : undefined;
  return colours === undefined ? `${size}.` : `${size}; ${colours}.`;
}

/** What is wrong with an image reference in the eyes of the model API, if anything. */
export function imageProblem(url: string): string | undefined {
  if (/^https?:\/\//i.test(url)) return undefined;
  if (!/^data:image\/[\w.+-]+;base64,/i.test(url))
    return 'Invalid image URL: it must be an https URL or a base64 data URL.';
  return undefined;
}

function describeRemote(url: string): string {
  const host = URL.canParse(url) ? new URL(url).host : 'an unknown host';
  return `An image at host ${host}; this sandbox does not fetch images.`;
}

function imageFacts(data: Buffer): ImageFacts | undefined {
  if (data.length < 16) return undefined;
  if (data.readUInt32BE(0) === 0x89504e47 && data.length >= 24) {
    return { format: 'PNG', width: data.readUInt32BE(16), height: data.readUInt32BE(20) };
  }
  if (data.toString('latin1', 0, 3) === 'GIF') {
    return { format: 'GIF', width: data.readUInt16LE(6), height: data.readUInt16LE(8) };
  }
  if (data.toString('latin1', 0, 2) === 'BM' && data.length >= 26) {
    return { format: 'BMP', width: data.readInt32LE(18), height: Math.abs(data.readInt32LE(22)) };
  }
  if (data.readUInt16BE(0) === 0xffd8) return jpegFacts(data);
  if (data.toString('latin1', 0, 4) === 'RIFF' && data.toString('latin1', 8, 12) === 'WEBP') return webpFacts(data);
  return undefined;
}

/** Walks the segments to the frame header, which holds the size. */
function jpegFacts(data: Buffer): ImageFacts | undefined {
  let at = 2;
  while (at + 9 < data.length) {
    if (data[at] !== 0xff) return undefined;
    const marker = data[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { format: 'JPEG', height: data.readUInt16BE(at + 5), width: data.readUInt16BE(at + 7) };
    at += marker === 0xff ? 1 : 2 + data.readUInt16BE(at + 2);
  }
  return undefined;
}

function webpFacts(data: Buffer): ImageFacts | undefined {
  if (data.length < 30) return undefined;
  const kind = data.toString('latin1', 12, 16);
  if (kind === 'VP8X') return { format: 'WebP', width: data.readUIntLE(24, 3) + 1, height: data.readUIntLE(27, 3) + 1 };
  if (kind === 'VP8L') {
    const bits = data.readUInt32LE(21);
    return { format: 'WebP', width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  return { format: 'WebP', width: data.readUInt16LE(26) & 0x3fff, height: data.readUInt16LE(28) & 0x3fff };
}
